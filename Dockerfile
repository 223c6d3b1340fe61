# One image for every process: `up` for all in one, or edge, worker, api, migrate and warehouse.

ARG PYTHON_IMAGE=python:3.12.13-slim-bookworm
FROM ${PYTHON_IMAGE} AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
# Two environments: what builds stays in this stage, and the image holds no pip.
RUN python -m venv /opt/build && python -m venv --without-pip /opt/sluice
WORKDIR /src
COPY requirements requirements
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/build/bin/pip install --require-hashes -r requirements/build.txt \
    && /opt/build/bin/pip wheel --require-hashes --no-deps --no-build-isolation --wheel-dir /wheels \
        -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY eventlog eventlog
COPY clickhouse clickhouse
COPY controlplane controlplane
COPY ingest ingest
COPY processors processors
COPY probes probes
COPY deploys deploys
COPY alerts alerts
COPY api api
COPY sluice sluice
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/build/bin/pip --python /opt/sluice/bin/python install --no-deps --no-index /wheels/*.whl


FROM ${PYTHON_IMAGE}

RUN groupadd --gid 10001 sluice \
    && useradd --uid 10001 --gid sluice --no-create-home --home-dir /var/lib/sluice sluice \
    && install -d -m 0700 -o sluice -g sluice /var/lib/sluice
COPY --from=build /opt/sluice /opt/sluice
COPY --chmod=0755 deploy/edge.sh /usr/local/bin/sluice-edge

ENV PATH=/opt/sluice/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SLUICE_HOST=0.0.0.0 \
    SLUICE_WAREHOUSE_HOST=0.0.0.0 \
    SLUICE_DATA_DIR=/var/lib/sluice \
    SLUICE_LOG_FORMAT=json
USER sluice
WORKDIR /var/lib/sluice
EXPOSE 8080
# Of every process but `migrate` and `warehouse`. A start waits up to 60 s for the engines.
HEALTHCHECK --interval=10s --timeout=8s --start-period=70s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/ready', timeout=5)"]
ENTRYPOINT ["sluice"]
