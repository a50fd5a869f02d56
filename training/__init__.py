"""Two training scripts and what they share; of the service they know only `service.contract`."""

import os

# onnxruntime reports usage to its makers unless told otherwise before it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
