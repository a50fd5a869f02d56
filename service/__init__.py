"""The service, as one request travels through it.

`__main__` reads the settings and listens; `supervisor` starts a worker (`process`) for each CPU
(`cpus`) and hands it connections. In the `worker`, each `connection` speaks HTTP within
`limits`, over TLS where asked for (`tls`), and `shedding` refuses by its head alone what there is
no time for. `gate` gives a request its id, asks where there
are keys for its own (`access`, `keys`) and what is left of that one's quota (`quota`), and leads a
prediction straight to its route (`routes`), which reads the body (`exchange`) and hands it to the
predictor of its model (`predictor`). That turns it into features (`digits.decode` or
`sentiment.decode`, both resting on `contract`) and submits them to a batcher (`batching`), where
they are admitted or refused (`admission`), wait by urgency (`waiting`) and run together with those
that make the run cheaper (`cost`), in one call of onnxruntime (`session`). The logits of its row
become an answer (`schemas`).

A picture becomes features in three steps of `contract`: its bytes grey levels (`decoding`), these
ink on blank paper (`ink`), and that one digit in the form of MNIST (`image`). For a number of
several digits, `contract.lines` finds all that may be one, which run as rows of their own, and
`reading` joins the likeliest.

Errors (`errors`) get their status at the edge (`problems`), numbers are told by `telemetry`. Where
its time went (`timing`) is told of each request by `request_log` and, where asked for, `tracing`;
all else that is logged gets its form in `logs`, and `line_writer` writes it. `app` puts the parts
of a worker together, `registry` fills it with verified models from `models/`.
"""
