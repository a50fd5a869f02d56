"""The service, as one request travels through it.

`__main__` reads the settings and listens; `supervisor` starts a `worker` for each core and hands
it connections. In the worker, `gate` gives a request its id and leads a prediction straight to its
route (`routes`), which asks the predictor of its model (`predictor`) whether there is room, reads
the body (`exchange`) and hands it over. The predictor turns it into features (`digits.decode` or
`sentiment.decode`, both resting on `contract`) and submits them to a batcher (`batching`), where
they wait by urgency (`waiting`) and run together with those that make the run cheaper (`cost`), in
one call of onnxruntime (`session`). The logits of its row become an answer (`schemas`).

Errors (`errors`) get their status at the edge (`problems`), numbers are told by `telemetry`. `app`
puts the parts of a worker together, `registry` fills it with verified models from `models/`.
"""
