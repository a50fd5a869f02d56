"""The service, as one request travels through it.

A route (`routes`) reads the body and hands it to the predictor of its model (`predictor`), which
turns it into features (`digits.decode` or `sentiment.decode`, both resting on `contract`), submits
them to a batcher (`batching`), where they wait until a thread is free and run together with others
in one call of onnxruntime (`session`), and turns the logits of its row into an answer (`schemas`).
Errors (`errors`) get their status at the edge (`problems`). `app` puts the parts together,
`registry` fills it with verified models from `models/`, `__main__` starts it.
"""
