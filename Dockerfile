# docker build . makes the service; --target loadtest makes what drives it.
FROM python:3.11-slim AS packages
COPY requirements.lock /
# pip itself stays out of the environment that is copied, and only what is loaded gets compiled.
RUN python -m venv --without-pip /venv \
    && python -m pip --python /venv/bin/python install --no-cache-dir --no-compile \
        --require-hashes --requirement /requirements.lock

FROM packages AS parts
# What serving does not load: tokenizers' way to models on the net, onnxruntime's library for programs
# in C and tools for making models, Pillow's AVIF, numpy's way to extensions and tests, type stubs.
RUN python -m pip --python /venv/bin/python uninstall --yes --quiet huggingface-hub hf-xet fsspec \
        pyyaml httpx2 httpcore2 truststore filelock tqdm protobuf flatbuffers \
    && cd /venv/lib/python3.11/site-packages \
    && rm -r onnxruntime/capi/libonnxruntime.so.* onnxruntime/transformers onnxruntime/quantization \
        onnxruntime/tools PIL/_avif* pillow.libs/libavif* numpy/f2py numpy/distutils \
    && find numpy -name tests -prune -exec rm -r {} + \
    && find . -name "*.pyi" -delete
WORKDIR /app
COPY service service
# Compiled now, since the running service writes nothing but its metrics, to memory.
RUN /venv/bin/python -c "import service.__main__, service.worker"

FROM packages AS loadtest-packages
COPY requirements-loadtest.lock /
RUN python -m pip --python /venv/bin/python install --no-cache-dir --require-hashes \
        --requirement /requirements-loadtest.lock

FROM python:3.11-slim AS loadtest
COPY --from=loadtest-packages /venv /venv
WORKDIR /app
COPY loadtest loadtest
ENV PATH=/venv/bin:$PATH
USER 10001:10001
EXPOSE 8089
ENTRYPOINT ["locust", "--locustfile", "loadtest/locustfile.py", "--class-picker"]

FROM python:3.11-slim AS service
COPY --from=parts /venv /venv
WORKDIR /app
COPY --from=parts /app/service service
COPY models models
ENV PATH=/venv/bin:$PATH
# A number, so that an orchestrator can tell that it is not root.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-I", "-S", "service/healthcheck.py"]
CMD ["python", "-m", "service", "--host", "0.0.0.0"]
