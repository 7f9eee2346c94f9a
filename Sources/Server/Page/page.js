// The page of `fovea serve`: photographs go to POST v1/predict, a few at once, and what comes back is shown in words.
// Names of files and classes are foreign text: they are only ever set as text. Nothing is stored.

const atOnce = 2
const attempts = 20 // at a busy server, before a photograph is given up
const shownAtFirst = 5 // of the classes below their threshold
const zooms = [1, 1.5, 2, 3, 4, 6, 8]

const $ = id => document.getElementById(id)

const state = {
  token: null, // in memory only
  models: [],
  model: null,
  items: [], // the photographs, in the order they came
  current: null,
  isComparing: false, // all photographs side by side, instead of the current one
  picked: null, // the class whose map is shown, kept from photograph to photograph
  close: null, // closes the class that is open
  drawing: null, // cancels the map that is being fetched
  zoom: 1,
}

// MARK: Words

const space = "\u00a0"

function percent(share, digits = 0) {
  const limit = 0.5 * 10 ** -digits
  const value = 100 * share
  if (share > 0 && value < limit) return `<${space}${10 ** -digits}${space}%`
  if (share < 1 && value >= 100 - limit) return `>${space}${100 - 10 ** -digits}${space}%`
  return `${value.toFixed(digits)}${space}%`
}

const count = (number, one, many = one + "s") => `${number.toLocaleString("en")} ${number === 1 ? one : many}`
const isolated = text => `\u2068${text}\u2069` // a name of any script inside a sentence
const capitalised = text => text.charAt(0).toUpperCase() + text.slice(1)

function sentence(text) {
  const whole = /^(is|has|cannot|holds) /.test(text) ? "The photograph " + text : capitalised(text)
  return /[.!?)]$/.test(whole) ? whole : whole + "."
}

const qualityWords = {
  "blurred": "The photograph looks blurred. Focus again, wipe the lens and let the patient blink; "
    + "where it stays blurred, the media of the eye may be cloudy.",
  "dark": "The photograph is dark. A wider pupil or more flash helps.",
  "bright": "The photograph is too bright, or parts of it are. Less flash helps.",
  "small field": "The retina fills less than half of the photograph. Go closer, or cut off the empty border.",
  "cut field": "Part of the field of view is cut off. Centre the pupil, and look for lids and lashes.",
  "not a fundus photograph": "This does not look like a colour fundus photograph. What follows then means nothing.",
}

function qualityParagraphs(quality) {
  if (!quality.warnings.length) {
    return quality.sharpness === null
      ? ["No problems found with brightness or field of view. It is too small to judge its sharpness."]
      : ["No problems found with sharpness, brightness or field of view."]
  }
  const known = quality.warnings.map(warning => qualityWords[warning] ?? sentence(warning))
  return [...known, "Take it again if you can; if not, read the result with more caution."]
}

function familiarityParagraphs(share, model) {
  if (share === null) {
    return [model.knows_familiarity ? "Not known for this photograph."
      : "Not known: the model has not learned what its training photographs look like."]
  }
  if (share < 0.01) {
    return ["Unlike the training photographs: fewer than 1 in 100 of them are as far from the rest as this one.",
      "Another camera, another part of the eye or another kind of image can be why. What the probabilities mean here was "
        + "never tested."]
  }
  return [`Nothing unusual: ${percent(share)} of the training photographs are less like the rest than this one.`]
}

/** What people call a class: as the model has it, else by its name, in words. */
function titleOf(name, model = state.model) {
  const label = model.class_labels?.[placeOf(name, model)] ?? name
  return label === name ? name.replaceAll("_", " ") : label
}

function placeOf(name, model) {
  model.places ??= new Map(model.classes.map((title, place) => [title, place]))
  return model.places.get(name)
}

// Both on the same scale: calibrated where the model is.
const shown = finding => finding.calibrated ?? finding.probability
const thresholdOf = finding => finding.calibrated === null ? finding.threshold : finding.calibrated_threshold

/** How many photographs with a class trained the model, and how many calibrated it; undefined where that is not known. */
const imagesOf = (name, model) =>
  [model.training_images, model.calibration?.positives].map(counts => counts?.[placeOf(name, model)])

/** A mark for a class that was learned from too few photographs for its number to say how often it is there; else "". */
function fewMark(name, model = state.model) {
  const [trained, calibrated] = imagesOf(name, model)
  if (trained === 0) return "no examples"
  if (trained < model.enough_images) return `only ${count(trained, "example")}`
  if (calibrated === 0) return "not calibrated"
  return calibrated < model.enough_images ? `calibrated on ${calibrated}` : ""
}

const isFew = finding => fewMark(finding.class) !== ""

/** What the marks of some classes mean, said once; "" where none has one. */
function marksWords(names, model) {
  if (!names.some(name => fewMark(name, model))) return ""
  return `Marked classes were learned ${model.calibration ? "or calibrated " : ""}from fewer than ${model.enough_images} `
    + "photographs that show them. Their probability ranks photographs, but does not say how often the disease is there."
}

/** From how few photographs a class was learned; null where they are enough. */
function fewWords(name, model) {
  const [trained, calibrated] = imagesOf(name, model)
  const words = []
  if (trained === 0) words.push("no training photograph showed it")
  else if (trained < model.enough_images) words.push(`learned from only ${count(trained, "photograph")} with it`)
  if (calibrated === 0) words.push("not calibrated, as no photograph showed it")
  else if (calibrated < model.enough_images) words.push(`calibrated on only ${count(calibrated, "photograph")} with it`)
  return words.length ? sentence(words.join(", ")) : null
}

function meaning(finding, model) {
  const ranks = "it ranks photographs, but does not say how often the disease is there."
  if (finding.calibrated === null) return "Not calibrated: " + ranks
  const positives = imagesOf(finding.class, model)[1]
  if (positives === undefined) return capitalised(ranks)
  const of100 = Math.round(100 * finding.calibrated)
  const had = of100 < 1 ? "fewer than 1" : of100 > 99 ? "nearly all" : `about ${of100}`
  return `Of 100 photographs with this answer, ${had} had it, by a calibration on ${calibrationWords(model)}, `
    + `${count(positives, "of them", "of them")} with it.`
}

function thresholdWords(finding, model) {
  if (finding.class === model.normal_class) return "This class stands for no finding, so it is never one."
  const threshold = thresholdOf(finding)
  if (threshold === null && model.labels === "single") return null
  if (threshold === null) return "This class has no threshold, so the model does not decide about it."
  const does = finding.above ? "reaches" : "is below"
  return `Its probability, ${percent(shown(finding), 1)}, ${does} the threshold of ${percent(threshold, 1)}.`
}

function trainingWords(name, model) {
  const [images] = imagesOf(name, model)
  return images >= model.enough_images ? `The model learned it from ${count(images, "photograph")}.` : null
}

/** The findings and the class that stands for none. */
const allOf = image => image.normal ? [...image.findings, image.normal] : image.findings

/** Whether a model that decides for one class decides for that of no finding. */
function isNormal({ findings, normal }) {
  return state.model.labels === "single" && normal !== null && findings.every(one => one.probability < normal.probability)
}

/** The headline of a result and the line below it. */
function summaryWords(image, model = state.model) {
  const { findings } = image
  const classes = count(findings.length, "class", "classes")
  const reaching = findings.filter(finding => finding.above)
  const [above, few] = [reaching.length, reaching.filter(isFew).length]
  if (findings.every(finding => finding.above === null)) {
    if (isNormal(image)) {
      const title = isolated(titleOf(image.normal.class))
      return ["No finding", `The most probable class is ${title}. That does not show that the eye is healthy.`]
    }
    const decision = model.labels === "single" ? "The model decides for the first of them."
      : "None has a threshold, so the model does not decide about them."
    return [`${classes}, the most probable first`, decision]
  }
  if (!above) {
    return ["No finding", `None of ${classes} reaches its threshold. That does not show that the eye is healthy.`]
  }
  const reach = above === 1 ? "reaches its threshold" : "reach their thresholds"
  const from = few ? `, ${few < above ? few + " of them " : above > 1 ? "all " : ""}from few examples` : ""
  return [count(above, few === above ? "uncertain finding" : "finding"), `${above} of ${classes} ${reach}${from}.`]
}

const calibrationWords = ({ calibration }) => `${count(calibration.images, "photograph")} (${calibration.split})`

function noteWords(answer, model) {
  const notes = []
  if (model.labels === "single") notes.push("The classes exclude each other.")
  const point = /^(sensitivity|specificity)=([0-9.]+)$/.exec(model.operating_point ?? "")
  if (point) {
    const aim = point[1] === "sensitivity" ? "is there reaches its threshold" : "is not there stays below its threshold"
    notes.push(`Thresholds are set so that a disease that ${aim} in about ${percent(+point[2])} of photographs.`)
  } else if (answer.findings.some(finding => finding.threshold !== null)) {
    notes.push("Thresholds are those with the highest F1 on the training photographs"
      + (model.calibration ? ", calibrated as the probabilities are." : "."))
  }
  if (model.calibration) {
    notes.push(`Calibrated on ${calibrationWords(model)}. `
      + "Where a disease is rarer or more frequent than in these, its probability is off.")
  } else {
    notes.push("The probabilities are as trained, not calibrated.")
  }
  const { left, top, width, height } = answer.coverage
  const parts = [[left, width, "width"], [top, height, "height"]].map(([from, size, side]) => {
    const [a, b] = [Math.max(0, from), Math.min(1, from + size)]
    return b - a > 0.99 ? "" : `from ${percent(a)} to ${percent(b)} of its ${side}`
  }).filter(Boolean)
  if (parts.length) notes.push(`The model saw the photograph ${parts.join(" and ")}.`)
  const known = model.classes.filter(name => name !== model.normal_class)
  notes.push(`It knows ${count(known.length, "finding")}; any other disease stays unnamed.`)
  return notes
}

// MARK: Elements

/** A new element; text, never markup. */
function make(tag, className = "", text = "") {
  const element = document.createElement(tag)
  if (className) element.className = className
  if (text) element.textContent = text
  return element
}

const paragraphs = texts => texts.filter(Boolean).map(text => make("p", "", text))

/** A name of any language and direction, which breaks between its words. */
function breakable(text) {
  const element = make("bdi")
  for (const part of text.split(/(?<=[_/.,-])(?=[^_/.,-])/)) element.append(part, make("wbr"))
  return element
}

function named(className, text) {
  const element = make("span", className)
  element.append(breakable(text))
  return element
}

function announce(text) { $("status").textContent = text }

/** Hides a control; the focus does not get lost with it. */
function hide(element, next) {
  const focused = element.contains(document.activeElement)
  element.hidden = true
  if (focused) next.focus()
}

// MARK: The server

class Failure extends Error {
  constructor(status, message, wait = 0) {
    super(message)
    this.status = status
    this.wait = wait
  }
  get isPassing() { return this.status === 0 || this.status === 401 || this.status >= 500 }
}

const statusWords = {
  401: "The server asks for a token.",
  413: "The file is larger than this server takes.",
  503: "The server is busy.",
  504: "The server took too long.",
}

/** Seconds of `Retry-After`, a number or a date. */
function waitOf(response) {
  const value = response.headers.get("Retry-After")
  const seconds = /^\d+$/.test(value ?? "") ? +value : (Date.parse(value) - Date.now()) / 1000
  return Math.min(60, Math.max(1, seconds || 2))
}

async function call(path, { file, signal } = {}) {
  const headers = {}
  if (state.token) headers.Authorization = "Bearer " + state.token
  if (file) headers["Content-Type"] = /^image\/[\w.+-]+$/.test(file.type) ? file.type : "application/octet-stream"
  let response, text
  try {
    response = await fetch(path, { method: file ? "POST" : "GET", headers, body: file, signal, cache: "no-store" })
    text = await response.text()
  } catch (error) {
    if (signal?.aborted) throw error
    if (file && !(await isReadable(file))) {
      throw new Failure(400, "This cannot be read: it is a folder, or the file was moved or changed.")
    }
    throw new Failure(0, "The server does not answer. See whether it runs and the network is up, then try again.")
  }
  let answer = null
  try { answer = JSON.parse(text) } catch { /* not from the server but from something between */ }
  if (response.ok && answer) return answer
  const words = typeof answer?.error === "string" ? answer.error : statusWords[response.status]
  throw new Failure(response.status, words ?? `The server answered with status ${response.status}.`, waitOf(response))
}

const isReadable = file => file.slice(0, 1).arrayBuffer().then(() => true, () => false)

function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const timer = setTimeout(resolve, 1000 * seconds)
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason) }, { once: true })
  })
}

/** The answer about one photograph; a busy server is asked again when it says. */
async function predict(file, { map, signal, onWait }) {
  const query = [`model=${encodeURIComponent(state.model.name)}`]
  // Exact maps cost the server little, so those of the findings come with the answer.
  if (map !== undefined) query.push(`map=${encodeURIComponent(map)}`)
  else if (state.model.maps_are_exact) query.push("maps=findings")
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await call("v1/predict?" + query.join("&"), { file, signal })
      const image = answer.images?.[0]
      if (!image || image.error) throw new Failure(422, image?.error ?? "The server's answer holds no result.")
      return { ...image, version: answer.version, fovea: answer.fovea }
    } catch (error) {
      if (error.status !== 503 || attempt === attempts) throw error
      onWait(Math.ceil(error.wait))
      await sleep(error.wait, signal)
    }
  }
}

// MARK: Models and token

async function start() {
  $("problem").hidden = true
  try {
    const answer = await call("v1/models")
    if (!answer.models?.length) throw new Failure(500, "The server serves no model.")
    state.models = answer.models
    state.fovea = answer.fovea
    if (answer.notice) document.querySelector(".notice").textContent = answer.notice
  } catch (error) {
    if (error.status === 401) return askForToken()
    return showProblem(error.message)
  }
  $("choose").hidden = false
  hide($("token-form"), $("choose-files"))
  const options = state.models.map(({ name }) => {
    const option = make("option", "", name)
    option.value = name
    return option
  })
  $("model").replaceChildren(...options)
  $("model-field").hidden = options.length < 2
  const same = state.models.find(model => model.name === state.model?.name)
  chooseModel(same ?? state.models[0], !same)
}

function showProblem(text) {
  $("problem-text").textContent = sentence(text)
  $("problem").hidden = false
}

function askForToken() {
  tellTokenError(state.token === null ? "" : "The server does not accept this token.")
  state.token = null
  $("token-form").hidden = false
  $("token").value = ""
  $("token").focus()
}

function tellTokenError(text) {
  $("token-error").textContent = text
  $("token").setAttribute("aria-invalid", text !== "")
}

function chooseModel(model, readsAgain) {
  state.model = model
  $("model").value = model.name
  showFacts(model)
  if (readsAgain) {
    for (const item of state.items) reset(item)
    showResult()
  }
  pump()
}

const cellWords = ({ map_shape: shape }) => `${shape.join(`${space}×${space}`)}${space}cells`

function mapFacts(model) {
  if (!model.has_maps) return "none"
  if (model.maps_are_coarse) return `too coarse to show a place: ${cellWords(model)}`
  return model.maps_are_exact ? "exact" : "approximate"
}

function showFacts(model) {
  const where = model.has_maps && !model.maps_are_coarse ? ", how probable each is, and where it saw it."
    : " and how probable each is."
  document.querySelector(".lead").textContent = "The model names the retinal diseases that it sees" + where
  const classes = count(model.classes.length, "class", "classes")
  const facts = {
    "Model": model.name,
    "Version (weights)": model.version,
    "Network": `${model.architecture}, ${model.resolution} pixels, ${model.precision}`,
    "Classes": `${classes}, ${model.labels === "single" ? "one for each photograph" : "several for each photograph"}`,
    "Calibration": model.calibration ? calibrationWords(model) : "none",
    "Thresholds": model.operating_point ?? "the model's own",
    "Maps": mapFacts(model),
    "Fovea": state.fovea,
  }
  $("facts").replaceChildren(...Object.entries(facts).map(([term, text]) => {
    const pair = make("div")
    const value = make("dd")
    value.append(breakable(text))
    pair.append(make("dt", "", term), value)
    return pair
  }))
  $("classes-title").textContent = `What it can name: ${classes}`
  $("classes").replaceChildren(...model.classes.map((title, index) => {
    const row = make("li")
    const images = model.training_images?.[index]
    row.append(breakable(titleOf(title, model)))
    if (typeof images === "number") row.append(`, ${count(images, "training photograph")}`)
    return row
  }))
  $("token-note").hidden = state.token === null
  $("about").hidden = false
}

// MARK: Photographs

function add(files) {
  if (!files.length || !state.model) return
  const items = [...files].map(file => ({ file, url: URL.createObjectURL(file), card: makeCard(file) }))
  for (const item of items) {
    item.card.button.addEventListener("click", () => select(item))
    reset(item)
    $("list").firstElementChild.append(item.card.row)
  }
  state.items.push(...items)
  drawThumbs(items)
  select(items[0])
  pump()
}

function reset(item) {
  item.cancel?.abort()
  const empty = { cancel: null, image: null, failure: null, wait: 0, maps: new Map(), time: null }
  Object.assign(item, empty, { phase: "waiting" })
}

function remove(items) {
  const index = state.items.indexOf(items[0])
  for (const item of items) {
    item.cancel?.abort()
    item.card.row.remove()
    URL.revokeObjectURL(item.url)
  }
  state.items = state.items.filter(item => !items.includes(item))
  state.current = state.items[Math.min(index, state.items.length - 1)] ?? null
  showResult()
  pump()
  if (state.current) $("name").focus()
  else $("choose-files").focus()
  announce(`${count(items.length, "photograph")} removed.`)
}

function select(item) {
  state.current = item
  state.isComparing = false
  setZoom(1)
  showResult()
}

/** Starts what can be started, in order. */
function pump() {
  const running = state.items.filter(item => item.phase === "reading").length
  const blocked = !$("token-form").hidden || !state.model
  const waiting = blocked ? [] : state.items.filter(item => item.phase === "waiting")
  for (const item of waiting.slice(0, Math.max(0, atOnce - running))) read(item)
  showProgress()
}

async function read(item) {
  const cancel = item.cancel = new AbortController()
  item.phase = "reading"
  showItem(item)
  let image = null, failure = null
  const onWait = seconds => {
    item.wait = seconds
    showItem(item)
  }
  try {
    image = await predict(item.file, { signal: cancel.signal, onWait })
  } catch (error) {
    failure = error
  }
  if (item.cancel !== cancel) return // it was started anew or given up since
  item.cancel = null
  if (failure?.status === 401) {
    item.phase = "waiting"
    askForToken()
  } else {
    Object.assign(item, { phase: image ? "read" : "failed", image, failure, wait: 0, time: new Date() })
    for (const finding of image ? allOf(image) : []) if (finding.map) item.maps.set(finding.class, finding.map)
    const outcome = image ? summaryWords(image).join(". ") : "not read. " + sentence(failure.message)
    announce(`${isolated(item.file.name)}: ${outcome}`)
  }
  showItem(item)
  pump()
}

function cancelAll() {
  for (const item of state.items) {
    if (item.phase !== "waiting" && item.phase !== "reading") continue
    reset(item)
    item.phase = "failed"
    item.failure = new Failure(0, "Cancelled before it was read.")
  }
  showResult()
  pump()
  announce("Cancelled.")
}

function readAgain(item) {
  reset(item)
  showResult()
  $("name").focus()
  pump()
}

function stateWords(item) {
  if (item.phase === "waiting") return "Waiting"
  if (item.phase === "reading") return item.wait ? `The server is busy; asked again after ${item.wait} s` : "Being read…"
  return item.phase === "failed" ? "Not read. " + sentence(item.failure.message) : cardWords(item.image)
}

function cardWords(image) {
  const decided = image.findings.some(finding => finding.above !== null)
  const told = image.findings.filter(finding => finding.above || !decided).sort(decided ? byTrust : byProbability)
  if (!told.length || isNormal(image)) return summaryWords(image)[0]
  const mark = fewMark(told[0].class)
  const first = `${isolated(titleOf(told[0].class))} ${percent(shown(told[0]))}${mark && ` (${mark})`}`
  return decided && told.length > 1 ? `${first} and ${told.length - 1} more` : first
}

function makeCard(file) {
  const row = make("li")
  const button = make("button")
  const card = { row, button, thumb: make("span", "thumb"), state: make("span", "state") }
  button.type = "button"
  card.thumb.setAttribute("aria-hidden", "true")
  button.append(card.thumb, named("label", file.name), card.state)
  button.title = file.name
  row.append(button)
  return card
}

/** Small copies, one after the other: originals of many megapixels are decoded once and let go. */
async function drawThumbs(items) {
  for (const { file, card } of items) {
    try {
      const bitmap = await createImageBitmap(file, { resizeHeight: 112, resizeQuality: "medium" })
      const canvas = make("canvas")
      canvas.width = bitmap.width
      canvas.height = bitmap.height
      canvas.getContext("2d").drawImage(bitmap, 0, 0)
      bitmap.close()
      card.thumb.replaceChildren(canvas)
    } catch {
      card.thumb.textContent = /\.(\w{1,4})$/.exec(file.name)?.[1].toUpperCase() ?? "?"
    }
  }
}

// MARK: What is shown

function showProgress() {
  const left = state.items.filter(item => item.phase === "waiting" || item.phase === "reading").length
  const total = state.items.length
  document.body.classList.toggle("working", total > 0)
  $("choose-files").textContent = total ? "Add photographs" : "Choose photographs"
  $("clear").hidden = total < 2
  $("compare").hidden = total < 2
  $("list").hidden = total < 2
  if (left) {
    const done = `${total - left} of ${count(total, "photograph")} done`
    $("progress-text").textContent = total === 1 ? "Reading the photograph" : done
    if (total === 1) $("progress-bar").removeAttribute("value")
    else $("progress-bar").value = (total - left) / total
    $("progress").hidden = false
  } else {
    hide($("progress"), $("choose-files"))
  }
}

function showItem(item) {
  item.card.state.textContent = stateWords(item)
  if (item === state.current || state.isComparing) showResult()
}

function showResult() {
  const item = state.current
  for (const other of state.items) {
    if (other === item && !state.isComparing) other.card.button.setAttribute("aria-current", "true")
    else other.card.button.removeAttribute("aria-current")
    other.card.state.textContent = stateWords(other)
  }
  state.isComparing &&= state.items.length > 1
  $("compare").setAttribute("aria-pressed", state.isComparing)
  $("comparison").hidden = !state.isComparing
  $("result").hidden = !item || state.isComparing
  document.title = item && !state.isComparing ? `${item.file.name} – Fovea` : "Fovea"
  hideMap()
  if (state.isComparing) return showComparison()
  if (!item) {
    $("photograph").removeAttribute("src")
    delete $("photograph").dataset.url
    return
  }
  $("name").replaceChildren(breakable(item.file.name))
  showPhotograph(item)
  $("waiting").hidden = item.phase !== "waiting" && item.phase !== "reading"
  $("waiting").firstElementChild.textContent = stateWords(item)
  $("failure").hidden = item.phase !== "failed"
  $("answer").hidden = item.phase !== "read"
  $("print").hidden = item.phase !== "read"
  if (item.phase === "failed") {
    $("failure").querySelector("p").textContent = sentence(item.failure.message)
    $("again").hidden = !item.failure.isPassing
  }
  if (item.phase === "read") showAnswer(item)
}

function showPhotograph(item) {
  const { file, image, url } = item
  $("size").textContent = image ? `${image.width} × ${image.height} pixels` : ""
  if (image) $("pane").style.setProperty("--ratio", image.width / image.height)
  const photograph = $("photograph")
  photograph.alt = `Photograph ${isolated(file.name)}`
  if (photograph.dataset.url !== url) {
    photograph.dataset.url = url
    photograph.src = url
    setPreview("")
  } else if (photograph.complete || !$("no-preview").hidden) {
    checkPreview()
  }
}

function setPreview(problem) {
  $("photograph").hidden = problem !== ""
  $("result").classList.toggle("unseeable", problem !== "" && state.current?.phase === "failed")
  $("stage").classList.toggle("bare", problem !== "")
  $("no-preview").textContent = problem
  $("no-preview").hidden = problem === ""
}

/** Why a photograph is not shown. What the browser shows must be what was read, or the map would lie at the wrong place. */
function previewProblem({ naturalWidth: width, naturalHeight: height }, image) {
  if (!width) return "This browser does not show this kind of file. It was sent as it is."
  const differs = image && Math.abs(width / height * image.height / image.width - 1) > 0.02
  return differs ? "This browser shows the file turned or cut otherwise than it was read, so it is left out." : ""
}

function checkPreview() {
  const photograph = $("photograph")
  const image = state.current?.image
  if (!image && photograph.naturalWidth) {
    $("pane").style.setProperty("--ratio", photograph.naturalWidth / photograph.naturalHeight)
  }
  setPreview(previewProblem(photograph, image))
}

function showAnswer(item) {
  const { image, time } = item
  const { model } = state
  const calibration = model.calibration ? `calibrated on ${calibrationWords(model)}` : "not calibrated"
  const when = time.toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" })
  $("print-facts").textContent = `Model ${isolated(model.name)}, version ${image.version}, ${calibration}. `
    + `Fovea ${image.fovea}. Read on ${when}.`
  $("quality").replaceChildren(...paragraphs(qualityParagraphs(image.quality)))
  $("quality").classList.toggle("warn", image.quality.warnings.length > 0)
  $("familiarity").replaceChildren(...paragraphs(familiarityParagraphs(image.familiarity, model)))
  $("familiarity").classList.toggle("warn", image.familiarity !== null && image.familiarity < 0.01)
  const [summary, advice] = summaryWords(image)
  $("summary").textContent = summary
  $("advice").textContent = advice
  showFindings(item)
  $("notes").replaceChildren(...noteWords(image, model).map(text => make("li", "", text)))
}

// MARK: Findings

const byProbability = (a, b) => shown(b) - shown(a)
/** Classes that were learned from few photographs last. */
const byTrust = (a, b) => isFew(a) - isFew(b) || byProbability(a, b)

function showFindings(item) {
  const findings = [...item.image.findings].sort(byProbability)
  const above = findings.filter(finding => finding.above === true)
  const groups = [
    ["At or above the threshold", above.filter(finding => !isFew(finding))],
    ["At or above the threshold, from few examples", above.filter(isFew)],
    ["Without a threshold", findings.filter(finding => finding.above === null)],
    ["Below the threshold", findings.filter(finding => finding.above === false)],
  ]
  // Behind what was found; where nothing was, first if it is the most probable.
  const { normal } = item.image
  const isEarly = above.length > 0 || findings.every(one => normal && byProbability(normal, one) <= 0)
  groups.splice(isEarly ? 2 : groups.length, 0, ["Not a finding", normal ? [normal] : []])
  const filled = groups.filter(([, rows]) => rows.length)
  $("findings").replaceChildren()
  state.close = null
  for (const [title, rows] of filled) {
    const list = make("ul", rows.length > 12 && !rows[0].above ? "long" : "")
    const above = rows[0].above === true
    list.setAttribute("aria-label", filled.length > 1 ? title : "Classes")
    list.append(...rows.map((finding, index) => {
      const row = makeFinding(item, finding)
      row.classList.toggle("above", above)
      row.classList.toggle("extra", !above && index >= shownAtFirst && finding.class !== state.picked)
      return row
    }))
    if (filled.length > 1) $("findings").append(make("h4", "", title))
    $("findings").append(list)
    if (list.querySelector(".extra")) $("findings").append(makeMore(list, rows.length))
  }
  explainMarks()
}

/** Says what the marks mean; on paper every class is listed, on the screen one may be in sight later. */
function explainMarks() {
  const marks = [...document.querySelectorAll("#findings .mark")]
  $("marks").textContent = marks.length ? marksWords(state.model.classes, state.model) : ""
  $("marks").classList.toggle("later", marks.every(mark => mark.closest(".few .extra")))
}

function makeMore(list, total) {
  const button = make("button", "more", `Show all ${total}`)
  button.type = "button"
  list.classList.add("few")
  button.addEventListener("click", () => {
    list.classList.remove("few")
    const next = list.querySelector(".extra button")
    button.remove()
    explainMarks()
    next.focus()
  })
  return button
}

function makeFinding(item, finding) {
  const { model } = state
  const row = make("li")
  const button = make("button", "finding")
  button.type = "button"
  button.dataset.class = finding.class
  button.append(makeTitle(finding.class), makeBar(finding), make("span", "share", percent(shown(finding))))
  const words = fewWords(finding.class, model) ?? meaning(finding, model)
  // What it means for a patient is always said of a finding; what the mark means is said once for all.
  const isAlways = finding.above && finding.calibrated !== null && !isFew(finding)
  const text = make("div", "text")
  text.append(...paragraphs([words]))
  const whenPicked = make("div", "text")
  whenPicked.append(...paragraphs([isAlways ? null : words, thresholdWords(finding, model),
    trainingWords(finding.class, model)]), make("p", "map-words"))
  row.append(button)
  if (isAlways) row.append(text)
  row.append(whenPicked)
  const setPicked = isPicked => {
    button.setAttribute("aria-expanded", isPicked)
    whenPicked.hidden = !isPicked
  }
  setPicked(false)
  const pick = () => {
    state.close?.()
    state.close = () => setPicked(false)
    setPicked(true)
    showMap(item, finding, whenPicked)
  }
  button.addEventListener("click", () => {
    const isPicked = button.getAttribute("aria-expanded") === "true"
    state.picked = isPicked ? null : finding.class
    if (!isPicked) return pick()
    setPicked(false)
    hideMap()
    announce("The map is hidden.")
  })
  if (finding.class === state.picked) pick()
  return row
}

/** The name of a class, with its mark where it was learned from few photographs. */
function makeTitle(name) {
  const title = make("span", "title")
  title.append(named("class", titleOf(name)))
  if (fewMark(name)) title.append(" ", make("span", "mark", fewMark(name)))
  return title
}

/** The probability as a bar, with the threshold. */
function makeBar(finding) {
  const bar = make("span", "bar")
  const fill = make("span", "fill")
  fill.style.width = `${100 * shown(finding)}%`
  bar.append(fill)
  if (thresholdOf(finding) !== null) {
    const tick = make("span", "threshold")
    tick.style.left = `${100 * thresholdOf(finding)}%`
    bar.append(tick)
  }
  return bar
}

// MARK: The map

function hideMap() {
  state.drawing?.abort()
  state.drawing = null
  $("map").hidden = true
  $("map").removeAttribute("src")
  placeOpacity(false)
  $("caption").textContent = state.current?.phase === "read" && state.model.has_maps
    ? `Open a class to see ${state.model.maps_are_coarse ? "its map" : "where the model saw it"}.` : ""
}

/** The slider has a place of its own in both views, which it keeps when there is nothing to change. */
function placeOpacity(isUsed) {
  const [field, place] = [$("opacity-field"), state.isComparing ? $("shared-field") : $("tools")]
  if (field.parentElement !== place) place.append(field)
  field.classList.toggle("idle", !isUsed)
  field.hidden = !state.model?.has_maps
}

async function showMap(item, finding, place) {
  hideMap()
  const words = place.querySelector(".map-words")
  if (!state.model.has_maps) {
    words.textContent = "This model draws no maps."
    return
  }
  const { signal } = state.drawing = new AbortController()
  if (!item.maps.has(finding.class)) words.textContent = "The map is being drawn…"
  let map
  try {
    const onWait = seconds => { words.textContent = `The server is busy; the map is asked for again after ${seconds} s.` }
    map = await mapOf(item, finding.class, signal, onWait)
  } catch (error) {
    if (signal.aborted) return
    words.textContent = `The map was not drawn. ${sentence(error.message)} Close the class and open it again to retry.`
    announce(words.textContent)
    return
  }
  if (!signal.aborted) putMap(map, finding, words)
}

/** The map of a class, which the server is asked for once; null where it draws none. */
async function mapOf(item, title, signal, onWait) {
  if (!item.maps.has(title)) {
    try {
      const image = await predict(item.file, { map: title, signal, onWait })
      item.maps.set(title, allOf(image).find(finding => finding.class === title)?.map ?? null)
    } catch (error) {
      if (error.status === 401) askForToken()
      throw error
    }
  }
  return item.maps.get(title)
}

const sourceOf = map => "data:image/png;base64," + map.png

/** What the colours of a map mean. */
function scaleParts(map) {
  const scale = make("span", "scale")
  scale.append("little", make("span"), "much")
  const what = map.coarse ? "how much speaks for it, but not where, "
    : map.exact ? "what speaks for it, " : "approximately what speaks for it, "
  return [what, scale]
}

function putMap(map, finding, words) {
  if (map === null) {
    words.textContent = "The server drew no map of this class."
    return announce(words.textContent)
  }
  $("map").src = sourceOf(map)
  const title = titleOf(finding.class)
  $("map").alt = `Map of ${isolated(title)} over the photograph`
  $("map").hidden = false
  $("caption").replaceChildren(breakable(title), ": ", ...map.highest > 0 ? scaleParts(map) : ["the map is without colour."])
  words.textContent = mapWords(map)
  placeOpacity(map.highest > 0)
  announce(`The map of ${isolated(title)} lies over the photograph.`)
}

function mapWords(map) {
  if (map.highest <= 0) return "The map is without colour: every place speaks against this class."
  if (map.coarse) {
    return `This model's maps have ${cellWords(state.model)}, too few to show where something is.`
  }
  const kind = map.exact ? "" : "This model's maps are approximate. "
  return kind + "The map shows what decided, not where a lesion ends. Each map has a scale of its own."
    + (map.highest_outside ? " " + outsideWords : "")
}

const outsideWords = "What speaks most for it lies beyond the field of view, where nothing is drawn: do not rely on it."

function setOpacity() {
  const value = $("opacity").value
  document.documentElement.style.setProperty("--opacity", value / 100)
  $("opacity-text").textContent = `${value}${space}%`
  $("opacity").setAttribute("aria-valuetext", `${value} percent`)
}

// MARK: Side by side

/** All photographs beside each other, with the same classes, and the map of one class over each. */
function showComparison() {
  const read = state.items.filter(item => item.phase === "read")
  const classes = sharedClasses(read)
  const options = [["", "no class"], ...classes.map(({ title }) => [title, titleOf(title)])].map(([value, text]) => {
    const option = make("option", "", text)
    option.value = value
    return option
  })
  $("shared-class").replaceChildren(...options)
  $("shared-class").value = state.picked ?? ""
  $("shared-field").hidden = !state.model.has_maps || !read.length
  const listed = classes.filter(({ title, told }) => told || title === state.picked)
  const bold = read.some(item => item.image.findings.some(finding => finding.above)) ? "In bold: at or above the threshold." : ""
  $("shared-marks").textContent = [bold, marksWords(listed.map(({ title }) => title), state.model)].join(" ").trim()
  for (const item of state.items) fillColumn(item, classes)
  const columns = state.items.map(item => item.column.row)
  const list = $("comparison").querySelector("ul")
  // What is there already stays there, or the focus would get lost.
  if (columns.length !== list.children.length || columns.some((row, index) => row !== list.children[index])) {
    list.replaceChildren(...columns)
  }
  showSharedMaps(read)
}

/**
 * The classes of any photograph: `told` are those that reach their threshold in one of them. These come first, of them those
 * that were learned from few photographs last; then the most probable.
 */
function sharedClasses(items) {
  const classes = new Map()
  for (const finding of items.flatMap(item => item.image.findings)) {
    const { share = 0, told = false } = classes.get(finding.class) ?? {}
    classes.set(finding.class, { share: Math.max(share, shown(finding)), told: told || finding.above === true })
  }
  const isMarked = ({ title }) => fewMark(title) !== ""
  const sorted = [...classes].map(([title, one]) => ({ title, ...one }))
    .sort((a, b) => b.told - a.told || (a.told && isMarked(a) - isMarked(b)) || b.share - a.share)
  const isAnyTold = sorted.some(one => one.told)
  return sorted.map((one, index) => ({ ...one, told: isAnyTold ? one.told : index < 3 }))
}

function makeColumn(item) {
  const [row, view, open, note, text] = [make("li"), make("div", "view"), make("button", "open"), make("p", "note"), make("div")]
  const [photograph, map] = [make("img"), make("img", "map")]
  open.type = "button"
  open.append(breakable(item.file.name))
  open.addEventListener("click", () => {
    select(item)
    $("name").focus()
  })
  for (const event of ["load", "error"]) photograph.addEventListener(event, () => checkColumn(item))
  photograph.alt = `Photograph ${isolated(item.file.name)}`
  photograph.src = item.url
  map.hidden = true
  view.append(photograph, map)
  row.append(view, note, open, text)
  return { row, view, photograph, map, note, text }
}

function checkColumn({ image, column: { view, photograph } }) {
  photograph.hidden = previewProblem(photograph, image) !== ""
  view.classList.toggle("bare", photograph.hidden)
}

function fillColumn(item, classes) {
  const { view, photograph, text } = item.column ??= makeColumn(item)
  if (item.phase !== "read") return text.replaceChildren(make("p", "soft", stateWords(item)))
  view.style.setProperty("--ratio", item.image.width / item.image.height)
  // It may have been loaded before it was known how it was read.
  if (photograph.complete) checkColumn(item)
  const list = make("dl")
  for (const { title, told } of classes) {
    if (!told && title !== state.picked) continue
    const finding = item.image.findings.find(finding => finding.class === title)
    if (!finding) continue
    list.append(...makePair(finding))
  }
  if (item.image.normal) list.append(...makePair(item.image.normal))
  const warnings = item.image.quality.warnings.map(capitalised).join(". ")
  text.replaceChildren(make("p", "soft", [summaryWords(item.image)[0], warnings].filter(Boolean).join(". ")), list)
}

function makePair(finding) {
  const pair = [make("dt", finding.above ? "above" : ""), make("dd", finding.above ? "above" : "", percent(shown(finding)))]
  pair[0].append(makeTitle(finding.class))
  return pair
}

async function showSharedMaps(items) {
  const { signal } = state.drawing = new AbortController()
  for (const { column } of state.items) {
    column.map.hidden = true
    column.note.textContent = ""
  }
  const title = state.picked
  const { has_maps: hasMaps, maps_are_coarse: coarse, maps_are_exact: exact } = state.model
  // Without a class it keeps its place, unseen.
  $("shared-caption").replaceChildren(...scaleParts({ coarse, exact, highest: 1 }), "; each photograph has a scale of its own.")
  $("shared-caption").classList.toggle("idle", title === null)
  $("shared-field").classList.toggle("unused", title === null)
  placeOpacity(title !== null)
  if (title === null || !hasMaps) return
  for (const item of items) {
    try {
      const map = await mapOf(item, title, signal, () => {})
      if (signal.aborted) return
      if (!map) continue
      item.column.map.src = sourceOf(map)
      item.column.map.alt = `Map of ${isolated(titleOf(title))} over ${isolated(item.file.name)}`
      item.column.map.hidden = false
      item.column.note.textContent = map.highest <= 0 ? "Without colour: every place speaks against it."
        : map.highest_outside ? outsideWords : ""
    } catch (error) {
      if (signal.aborted) return
      item.column.note.textContent = `The map was not drawn. ${sentence(error.message)}`
    }
  }
  announce(`The maps of ${isolated(titleOf(title))} lie over the photographs.`)
}

// MARK: Size

function setZoom(zoom) {
  const pane = $("pane")
  const x = (pane.scrollLeft + pane.clientWidth / 2) / pane.scrollWidth
  const y = (pane.scrollTop + pane.clientHeight / 2) / pane.scrollHeight
  state.zoom = zoom
  $("stage").style.width = $("stage").style.height = `${100 * zoom}%`
  pane.classList.toggle("enlarged", zoom > 1)
  pane.tabIndex = zoom > 1 ? 0 : -1
  pane.scrollTo(x * pane.scrollWidth - pane.clientWidth / 2, y * pane.scrollHeight - pane.clientHeight / 2)
  $("zoom").textContent = `${zoom}${space}×`
  $("smaller").disabled = zoom === zooms[0]
  $("larger").disabled = zoom === zooms.at(-1)
}

function stepZoom(step, other) {
  setZoom(zooms[zooms.indexOf(state.zoom) + step])
  if (document.activeElement === document.body || document.activeElement?.disabled) other.focus()
}

/** An enlarged photograph is dragged with the mouse; a finger scrolls it anyway. */
function letDrag(pane) {
  let last = null
  pane.addEventListener("pointerdown", event => {
    if (event.pointerType !== "mouse" || event.button !== 0 || state.zoom === 1) return
    last = event
    pane.setPointerCapture(event.pointerId)
  })
  pane.addEventListener("pointermove", event => {
    if (!last) return
    pane.scrollBy(last.clientX - event.clientX, last.clientY - event.clientY)
    last = event
  })
  for (const end of ["pointerup", "pointercancel"]) pane.addEventListener(end, () => { last = null })
}

// MARK: Events

function letDrop() {
  const holdsFiles = event => event.dataTransfer?.types.includes("Files")
  addEventListener("dragover", event => {
    if (!holdsFiles(event)) return
    event.preventDefault()
    document.body.classList.add("dragging")
  })
  addEventListener("dragleave", event => {
    if (!event.relatedTarget) document.body.classList.remove("dragging")
  })
  addEventListener("drop", event => {
    if (!holdsFiles(event)) return
    event.preventDefault()
    document.body.classList.remove("dragging")
    add(event.dataTransfer.files)
  })
}

function takeFiles(button, input) {
  button.addEventListener("click", () => input.click())
  input.addEventListener("change", () => {
    add(input.files)
    input.value = "" // so that the same file can be chosen again
  })
}

takeFiles($("choose-files"), $("files"))
takeFiles($("take"), $("camera"))
letDrop()
letDrag($("pane"))
const showUnexpected = text => showProblem(`The page met something unexpected: ${text}`)
addEventListener("error", event => showUnexpected(event.message))
addEventListener("unhandledrejection", event => showUnexpected(event.reason?.message ?? event.reason))
$("problem-again").addEventListener("click", start)
$("token-form").addEventListener("submit", event => {
  event.preventDefault()
  state.token = $("token").value.trim()
  tellTokenError("")
  start()
})
$("model").addEventListener("change", () => {
  chooseModel(state.models.find(model => model.name === $("model").value), true)
})
$("cancel").addEventListener("click", cancelAll)
$("clear").addEventListener("click", () => remove(state.items))
$("compare").addEventListener("click", () => {
  state.isComparing = !state.isComparing
  showResult()
  announce(state.isComparing ? "The photographs are side by side." : "One photograph is shown.")
})
$("shared-class").addEventListener("change", () => {
  state.picked = $("shared-class").value || null
  showResult()
})
$("remove").addEventListener("click", () => remove([state.current]))
$("again").addEventListener("click", () => readAgain(state.current))
$("print").addEventListener("click", () => print())
$("photograph").addEventListener("load", checkPreview)
$("photograph").addEventListener("error", checkPreview)
$("opacity").addEventListener("input", setOpacity)
$("smaller").addEventListener("click", () => stepZoom(-1, $("larger")))
$("larger").addEventListener("click", () => stepZoom(1, $("smaller")))
// What has the focus is scrolled to below the photograph where that stays in sight.
new ResizeObserver(([entry]) => {
  document.documentElement.style.setProperty("--viewer", `${entry.target.offsetHeight}px`)
}).observe($("viewer"))
setOpacity()
setZoom(1)
start()
