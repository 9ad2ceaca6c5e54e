# ctibutler with its embedded database. The API and a worker run in one container, and the data is in the volume /data.
#
#   docker build -t ctibutler .
#   docker run -p 127.0.0.1:8006:8006 -v ctibutler:/data -e CTIBUTLER_ACCESS=read-open ctibutler
#
# In a container, the API listens on all addresses, so the access mode `auto` requires keys. Choose another mode, as
# compose.yaml does, or create a key first. On machines other than x86-64, build with `--platform linux/amd64`, because
# the required SQLite has no Linux wheel for them. With PostgreSQL (CTIBUTLER_DATABASE_URL), this is not necessary.

ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# The locked dependencies, as wheels only, so that neither stage needs a compiler.
COPY requirements.lock ./
RUN python -m venv /opt/ctibutler \
    && /opt/ctibutler/bin/pip install --only-binary=:all: --require-hashes -r requirements.lock

# The wheel of this checkout. The locked build tools stay in this stage.
COPY requirements-build.lock ./
RUN pip install --only-binary=:all: --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src src
RUN pip wheel --no-deps --no-index --no-build-isolation --wheel-dir wheels . \
    && /opt/ctibutler/bin/pip install --no-deps --no-index wheels/*.whl


FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="ctibutler" \
      org.opencontainers.image.description="Threat-intelligence knowledge bases, release by release" \
      org.opencontainers.image.licenses="Apache-2.0"

RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin ctibutler \
    && install -d -o ctibutler -g ctibutler -m 0750 /data
COPY --from=build /opt/ctibutler /opt/ctibutler

ENV PATH=/opt/ctibutler/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CTIBUTLER_DATA_DIR=/data \
    CTIBUTLER_HOST=0.0.0.0 \
    CTIBUTLER_PORT=8006

USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8006

# http.client instead of urllib, which would use a proxy from the environment.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; connection = http.client.HTTPConnection('127.0.0.1', int(os.environ['CTIBUTLER_PORT']), timeout=4); connection.request('GET', '/api/healthcheck/'); sys.exit(connection.getresponse().status >= 400)"]

ENTRYPOINT ["ctibutler"]
CMD ["up"]
