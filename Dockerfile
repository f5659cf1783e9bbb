# schemastamp and psql, from the package that `scripts/package` makes:
#   scripts/package && docker build --tag schemastamp .
#   docker run --rm --env DATABASE_URL --volume "$PWD:/work" schemastamp status --all
FROM debian:trixie-slim
# Set by docker build: amd64 or arm64.
ARG TARGETARCH
RUN --mount=type=bind,source=dist,target=/dist \
    apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates /dist/schemastamp_*_"${TARGETARCH:-$(dpkg --print-architecture)}".deb \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home schemastamp \
    && schemastamp --version
USER 10001
WORKDIR /work
ENTRYPOINT ["schemastamp"]
