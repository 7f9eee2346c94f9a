-- Orthanc: each stored colour fundus image is sent to `fovea serve`, and the answer kept as the instance's metadata 4000.
-- Only the pixels are sent: no names, dates, identifiers or other tags.

local server = os.getenv('FOVEA_URL') or 'http://127.0.0.1:8080'
local tokenFile = os.getenv('FOVEA_TOKEN_FILE')

local fundus = {
   ['1.2.840.10008.5.1.4.1.1.77.1.5.1'] = true, -- Ophthalmic Photography 8 Bit
   ['1.2.840.10008.5.1.4.1.1.77.1.4'] = true,   -- VL Photographic
   ['1.2.840.10008.5.1.4.1.1.7'] = true,        -- Secondary Capture
}

local function headers()
   local fields = { ['Content-Type'] = 'image/png', ['Expect'] = '' }
   if tokenFile then
      local file = assert(io.open(tokenFile))
      fields['Authorization'] = 'Bearer ' .. file:read('*l')
      file:close()
   end
   return fields
end

function OnStoredInstance(instance, tags, metadata)
   if not fundus[tags['SOPClassUID']] or tags['SamplesPerPixel'] ~= '3' or (tonumber(tags['NumberOfFrames']) or 1) > 1 then
      return
   end
   local image = RestApiGet('/instances/' .. instance .. '/rendered')
   local answer = image and HttpPost(server .. '/v1/predict', image, headers())
   if answer then
      RestApiPut('/instances/' .. instance .. '/metadata/4000', answer)
   else
      print('fovea: no answer for instance ' .. instance)
   end
end
