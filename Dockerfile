# The images of the one binary, of the eight programs and of jobapp-ctl; one build makes all programs.
#
#   docker build --target jobapp -t jobapp:0.1.0 .
#   docker build --build-arg PROGRAM=jobapp-gateway -t jobapp-gateway:0.1.0 .
#
# BASE is what programs run on, any image with glibc; BUILDER what they are built with. With BuildKit, downloads and what was compiled are
# kept between builds; PROGRAMS=prebuilt takes programs that are built already from the build context `prebuilt`, a folder here.
ARG BUILDER=rust:1.95-slim-bookworm
ARG BASE=debian:bookworm-slim
ARG PROGRAMS=build

FROM ${BUILDER} AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# One cache for all of cargo's home: its lock is in it, so that builds beside each other wait instead of breaking it.
RUN --mount=type=cache,id=jobapp-cargo,target=/cache/cargo,sharing=locked \
    --mount=type=cache,id=jobapp-target,target=/cache/target,sharing=locked \
    CARGO_HOME=/cache/cargo CARGO_TARGET_DIR=/cache/target cargo build --locked --release --bins \
      --package jobapp-all-in-one --package jobapp-ctl --features jobapp-ctl/program \
      $(for one in gateway notification auth gig users chat order review; do \
          echo --package jobapp-$one-service --features jobapp-$one-service/program; done) && \
    mkdir -p /programs && \
    cd /cache/target/release && \
    cp jobapp jobapp-ctl jobapp-gateway jobapp-notification jobapp-auth jobapp-gig jobapp-users jobapp-chat jobapp-order jobapp-review /programs/ && \
    strip /programs/*

FROM scratch AS prebuilt
COPY prebuilt /programs

FROM ${PROGRAMS} AS programs

# What all images have: the certificates that clients are verified by, nobody but a user without rights, and folders that are his.
FROM ${BUILDER} AS files
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && \
    mkdir -p /files/etc/ssl/certs /files/var/lib/jobapp && \
    cp /etc/ssl/certs/ca-certificates.crt /files/etc/ssl/certs/

FROM ${BASE} AS base
COPY --from=files /files/etc /etc
# A named volume takes over the owner that the folder has here.
COPY --from=files --chown=10001:10001 /files/var/lib/jobapp /var/lib/jobapp
USER 10001:10001
WORKDIR /var/lib/jobapp
# Containers are reached from outside.
ENV BIND=0.0.0.0
STOPSIGNAL SIGTERM

# The one binary: everything it keeps is in the volume.
FROM base AS jobapp
COPY --from=programs /programs/jobapp /usr/local/bin/jobapp
# Its commands, such as `status` and `backup`, find it there, too.
ENV JOBAPP_DATA=/var/lib/jobapp
VOLUME /var/lib/jobapp
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s CMD ["/usr/local/bin/jobapp", "health"]
ENTRYPOINT ["/usr/local/bin/jobapp"]

# A program, by its name. It listens on its own port (docs/settings.md), is told its secrets when it starts, and keeps nothing.
FROM base AS program
ARG PROGRAM
COPY --from=programs /programs/${PROGRAM} /usr/local/bin/program
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s CMD ["/usr/local/bin/program", "--health"]
ENTRYPOINT ["/usr/local/bin/program"]
