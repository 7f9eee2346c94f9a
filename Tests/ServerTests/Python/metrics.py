"""Prometheus' own parser on /metrics of `fovea serve`, and counters that agree with the requests made here.

Nobody else may use the server meanwhile.
"""

import threading
import time

from prometheus_client.parser import text_string_to_metric_families

from checks import Arguments, check, finish

arguments = Arguments(__doc__)


def read():
    """Values by name and labels, and types by family."""
    status, headers, body = arguments.request("/metrics")
    assert status == 200, status
    families = list(text_string_to_metric_families(body.decode()))
    values = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for f in families for sample in f.samples}
    return headers, families, values


def value(values, name, **labels):
    return values.get((name, tuple(sorted(labels.items()))), 0)


headers, families, before = read()
check("the content type is that of the format", headers["content-type"].startswith("text/plain; version=0.0.4"))
check("every family has a type and a text", all(f.type != "unknown" and f.documentation for f in families))
check("no family occurs twice", len({f.name for f in families}) == len(families))
check("no line occurs twice", sum(len(f.samples) for f in families) == len(before))
for family in families:
    if family.type == "counter":
        check(f"{family.name} counts", all(s.name.endswith("_total") and s.value >= 0 for s in family.samples))
    if family.type == "histogram":
        series = {}
        for sample in family.samples:
            labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
            series.setdefault(labels, {}).setdefault(sample.name.removeprefix(family.name), []).append(sample)
        for parts in series.values():
            buckets = [(float(s.labels["le"]), s.value) for s in parts["_bucket"]]
            check(
                f"{family.name} is a histogram", buckets == sorted(buckets) and buckets == sorted(buckets, key=lambda b: b[1])
                and buckets[-1] == (float("inf"), parts["_count"][0].value) and len(parts["_sum"]) == 1, buckets)
            break
info = [s for f in families for s in f.samples if s.name == "fovea_model_info"]
check("the model is named", any(s.labels["model"] == arguments.model and s.value == 1 for s in info))
check("the server is ready", value(before, "fovea_ready") == 1)
check("memory is told", value(before, "process_resident_memory_bytes") > 1 << 20)
check("the start is told", 0 < time.time() - value(before, "process_start_time_seconds") < 1e6)

# Requests of which the numbers are known.
image = arguments.files[0].read_bytes()
jpeg = {"Content-Type": "image/jpeg"}
predict = f"/v1/predict?model={arguments.model}"
threads = [threading.Thread(target=arguments.request, args=(predict, image, jpeg)) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
made = [
    ("models", 200, None, "/v1/models", None, {}),
    ("v2_live", 200, None, "/v2/health/live", None, {}),
    ("predict", 422, "image", predict, b"no image", jpeg),
    ("predict", 415, "content_type", predict, image, {"Content-Type": "text/plain"}),
    ("predict", 404, "not_found", "/v1/predict?model=nobody", image, jpeg),
    ("predict", 400, "malformed", predict + "&maps=some", image, jpeg),
    ("v2_infer", 400, "malformed", f"/v2/models/{arguments.model}/infer", b"{", {"Content-Type": "application/json"}),
    ("other", 404, "not_found", "/nothing", None, {}),
    ("other", 405, "method", "/v1/predict", None, {}),
]
for route, status, _, path, body, more in made:
    found = arguments.request(path, body, more)[0]
    check(f"{path} is answered with {status}", found == status, found)
_, _, after = read()


def grown(name, **labels):
    return value(after, name, **labels) - value(before, name, **labels)


check("eight images are counted", grown("fovea_images_total", model=arguments.model) == 8)
check("their batches are counted", grown("fovea_batch_size_sum") == 8 and 1 <= grown("fovea_batch_size_count") <= 8)
check("time of computing is counted", grown("fovea_compute_seconds_total") > 0)
check("eight answers are counted", grown("fovea_requests_total", route="predict", status="200") == 8)
check("their times are counted", grown("fovea_request_seconds_count", route="predict") == 8 + sum(m[0] == "predict" for m in made))
for route, status, *_ in made:
    wanted = sum((r, s) == (route, status) for r, s, *_ in made)
    count = grown("fovea_requests_total", route=route, status=str(status))
    check(f"{route} {status} is counted", count == wanted, count)
for reason in sorted({m[2] for m in made if m[2]}):
    count, wanted = grown("fovea_refusals_total", reason=reason), sum(m[2] == reason for m in made)
    check(f"refusals for {reason} are counted", count == wanted, count)
check("the reading before is counted", grown("fovea_requests_total", route="metrics", status="200") == 1)
check("nothing is in progress", value(after, "fovea_requests_in_progress") == 0 and value(after, "fovea_images_waiting") == 0)
finish()
