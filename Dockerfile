# The image of the service, without weights: they are pulled into the volume /var/lib/nordlyd; and,
# as the target `trainer`, that of the trainer.
#
#   docker build -t nordlyd:cuda .
#   docker build -t nordlyd:cpu --build-arg DEVICE=cpu --build-arg PIP_EXTRA_INDEX_URL=<index> .
#   docker build -t nordlyd-train:cuda --target trainer .
#
# CUDA needs no base image of its own: on x86-64, PyPI's torch is the CUDA build and depends on
# the wheels of the CUDA libraries. The driver comes from the host, by the NVIDIA container toolkit.
# The CPU build of torch is on an index of PyTorch's own, which has to be named.

# The full Python image brings the C compiler of the optional extension; only the slim one ships.
FROM python:3.12-bookworm AS dependencies
ARG DEVICE=cuda
ARG PIP_EXTRA_INDEX_URL=
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /build
RUN python -m venv /opt/venv
# Three layers in the order in which they change: torch, the other dependencies, the service.
COPY constraints.txt ./
# An index that needs a password is given as a pip.conf: --secret id=pip_conf,src=pip.conf
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    set -eu; \
    torch="$(grep '^torch==' constraints.txt)"; \
    case "$DEVICE" in \
        cuda) ;; \
        cpu) torch="$torch+cpu" ;; \
        *) echo "DEVICE is cuda or cpu, not '$DEVICE'" >&2; exit 1 ;; \
    esac; \
    pip install --constraint constraints.txt "$torch" \
        || { echo "No $torch: DEVICE=cpu needs PIP_EXTRA_INDEX_URL, see docs/operating.md" >&2; exit 1; }
COPY pyproject.toml scripts/requirements ./
# Extras of pyproject.toml that the service gets.
ARG EXTRAS=s3
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    set -eu; \
    python requirements "$EXTRAS" > requirements.txt; \
    pip install --constraint constraints.txt --requirement requirements.txt; \
    python -c "import sys, torch; sys.exit(0 if ('$DEVICE' == 'cuda') == bool(torch.version.cuda) else 'This torch is not built for DEVICE=$DEVICE')"

FROM dependencies AS package
COPY . .
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    pip wheel --no-deps --wheel-dir /dist .

FROM dependencies AS trainer-dependencies
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    set -eu; \
    python requirements --only train > requirements-train.txt; \
    pip install --constraint constraints.txt --requirement requirements-train.txt

# Recipes, data and runs are below the working directory.
FROM python:3.12-slim-bookworm AS trainer
LABEL org.opencontainers.image.title="Nordlyd trainer" \
      org.opencontainers.image.description="Trains the checkpoints that Nordlyd serves" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/var/lib/nordlyd \
    USER=nordlyd \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=trainer-dependencies /opt/venv /opt/venv
COPY --from=package /dist /opt/nordlyd/dist
RUN pip install --no-cache-dir --no-index --no-deps /opt/nordlyd/dist/*.whl
RUN mkdir -p /var/lib/nordlyd && chown -R 10001:10001 /var/lib/nordlyd
WORKDIR /var/lib/nordlyd
VOLUME ["/var/lib/nordlyd"]
USER 10001:10001
ENTRYPOINT ["nordlyd-train"]
CMD ["--help"]

# The last one is what a build without --target makes.
FROM python:3.12-slim-bookworm AS runtime
LABEL org.opencontainers.image.title="Nordlyd" \
      org.opencontainers.image.description="Speech-to-text for Norwegian and Danish" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/var/lib/nordlyd \
    USER=nordlyd \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    NORDLYD_HOST=0.0.0.0 \
    NORDLYD_PORT=8000 \
    NORDLYD_STORE=/var/lib/nordlyd/models \
    NORDLYD_DATA=/var/lib/nordlyd/data \
    NORDLYD_MODELS=wav2vec2-xlsr-1B-NPSC-NN,wav2vec2-large-danish-npsc-nst
COPY --from=dependencies /opt/venv /opt/venv
# Not part of the environment above: a change of the code then makes small layers, not torch again.
# Copied, not mounted: some builders take a mount's old contents from their cache.
COPY --from=package /dist /opt/nordlyd/dist
RUN pip install --no-cache-dir --no-index --no-deps /opt/nordlyd/dist/*.whl
COPY deploy/healthcheck.py /opt/nordlyd/healthcheck.py
RUN mkdir -p /var/lib/nordlyd/models && mkdir -m 700 /var/lib/nordlyd/data && \
    chown -R 10001:10001 /var/lib/nordlyd
WORKDIR /var/lib/nordlyd
VOLUME ["/var/lib/nordlyd"]
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# The first start pulls the models; a failing check counts only once that time is over.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30m --retries=3 \
    CMD ["python", "/opt/nordlyd/healthcheck.py"]
CMD ["nordlyd", "serve"]
