FROM python:3.11-slim AS packages
COPY requirements.lock /
# pip itself stays out of the environment that is copied.
RUN python -m venv --without-pip /venv \
    && python -m pip --python /venv/bin/python install --no-cache-dir --require-hashes \
        --requirement /requirements.lock

FROM python:3.11-slim
COPY --from=packages /venv /venv
WORKDIR /app
COPY service service
COPY models models
# Compiled now, since the running service writes nothing but its metrics, to /tmp.
RUN /venv/bin/python -m compileall -q service
ENV PATH=/venv/bin:$PATH
# A number, so that an orchestrator can tell that it is not root.
USER 10001:10001
EXPOSE 8000
# Without a proxy, also where the engine gives one to its containers.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 CMD ["python", "-c", \
    "from urllib.request import *; build_opener(ProxyHandler({})).open('http://127.0.0.1:8000/health/ready', timeout=2)"]
CMD ["python", "-m", "service", "--host", "0.0.0.0"]
