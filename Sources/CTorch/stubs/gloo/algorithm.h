// The wheel of torch has the headers of c10d, but not those of gloo, which they include: this is all that they need.
#pragma once
