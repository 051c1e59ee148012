//! The plan of the house: who may import whom. `ARCHITECTURE.md` says the same in words.

/// A crate of ours, and the crates of ours that it may import.
pub(super) struct Room {
    pub(super) name: &'static str,
    pub(super) imports: Imports,
}

pub(super) enum Imports {
    Only(&'static [&'static str]),
    /// Never ships, and nothing that ships may import it.
    Anything,
}

use Imports::{Anything, Only};

const fn room(name: &'static str, imports: Imports) -> Room {
    Room { name, imports }
}

/// Tests and their tools may also import anything as a development dependency, which is not
/// looked at here.
pub(super) const ROOMS: &[Room] = &[
    room("sweep-core", Only(&[])),
    room("sweep-kernels", Only(&[])),
    room("charts", Only(&["sweep-core"])),
    room("law-engine", Only(&["sweep-core"])),
    room("sweep-corpus", Only(&["sweep-core"])),
    room("sweep-proto", Only(&["sweep-core"])),
    room("sweep-runtime", Only(&["sweep-core"])),
    room("sweep-store", Only(&["sweep-core"])),
    room("sweep-trainer", Only(&["sweep-core", "sweep-corpus", "sweep-kernels"])),
    room(
        "coordinator",
        Only(&[
            "charts",
            "law-engine",
            "sweep-core",
            "sweep-corpus",
            "sweep-proto",
            "sweep-runtime",
            "sweep-store",
        ]),
    ),
    room(
        "worker",
        Only(&["sweep-core", "sweep-corpus", "sweep-proto", "sweep-runtime", "sweep-trainer"]),
    ),
    room(
        "sweepctl",
        Only(&[
            "charts",
            "coordinator",
            "law-engine",
            "sweep-core",
            "sweep-corpus",
            "sweep-proto",
            "sweep-runtime",
            "worker",
        ]),
    ),
    room("sweep-harness", Anything),
    room("tests", Anything),
    room("xtask", Anything),
];

/// Libraries of others with the only crates that may import them directly.
pub(super) struct Door {
    pub(super) libraries: &'static [&'static str],
    pub(super) owners: &'static [&'static str],
    pub(super) why: &'static str,
}

pub(super) const DOORS: &[Door] = &[
    Door {
        libraries: &["candle-core", "candle-nn", "safetensors"],
        owners: &["sweep-trainer"],
        why: "tensors stay inside the trainer",
    },
    Door {
        libraries: &["gemm"],
        owners: &["sweep-kernels"],
        why: "matrix products stay inside the kernels",
    },
    Door {
        libraries: &["memmap2"],
        owners: &["sweep-kernels"],
        why: "mapping a file takes `unsafe`, which only the kernels have",
    },
    Door {
        libraries: &["tokenizers"],
        owners: &["sweep-corpus"],
        why: "text becomes tokens in one place",
    },
    Door {
        libraries: &["argmin", "argmin-math"],
        owners: &["law-engine"],
        why: "a fit is plain data in sweep-core; only the law engine optimises",
    },
    Door {
        libraries: &["sea-orm", "sea-orm-migration", "sqlx"],
        owners: &["sweep-store"],
        why: "only the store speaks SQL",
    },
    Door {
        libraries: &["prost", "tonic-prost", "tonic-prost-build", "protox"],
        owners: &["sweep-proto"],
        why: "generated code and its conversions are one crate",
    },
    Door {
        libraries: &["rustls"],
        owners: &["sweep-proto"],
        why: "what goes wrong in a handshake is put into words in one place",
    },
    Door {
        libraries: &["tonic", "tonic-health"],
        owners: &["sweep-proto", "coordinator", "worker", "sweepctl"],
        why: "the engines cannot reach the network",
    },
    Door {
        libraries: &["tokio", "tokio-stream"],
        owners: &[
            "coordinator",
            "sweep-harness",
            "sweep-runtime",
            "sweep-store",
            "sweepctl",
            "worker",
        ],
        why: "the engines are plain functions that no runtime is needed for",
    },
    Door {
        libraries: &["serde-saphyr"],
        owners: &["sweep-core"],
        why: "budget.yaml has one parser",
    },
    Door {
        libraries: &["figment", "toml", "tracing-subscriber"],
        owners: &["sweep-runtime"],
        why: "settings and telemetry are set up in one place",
    },
    Door {
        libraries: &["clap", "clap_complete"],
        owners: &["sweepctl", "xtask"],
        why: "only programs that people type have a command line",
    },
    Door {
        libraries: &["comfy-table", "crc", "csv", "indicatif", "miette", "parquet"],
        owners: &["sweepctl"],
        why: "only the command line knows terminals and the files of others",
    },
    Door {
        libraries: &["anyhow"],
        owners: &["sweepctl", "sweep-harness", "xtask"],
        why: "a library has an error type of its own that callers can match on",
    },
    Door {
        libraries: &["axum", "tower-http", "utoipa"],
        owners: &["coordinator"],
        why: "the HTTP API is a second way to ask the coordinator, beside its gRPC services",
    },
    Door {
        libraries: &[
            "opentelemetry",
            "opentelemetry-otlp",
            "opentelemetry-prometheus",
            "opentelemetry_sdk",
            "prometheus",
            "tracing-opentelemetry",
        ],
        owners: &["sweep-runtime"],
        why: "instruments and spans are set up in one place, whoever reads them",
    },
    Door {
        libraries: &["askama", "k8s-openapi", "kube", "redis"],
        owners: &[],
        why: "no crate needs it yet; the one that will is to be its only owner",
    },
];

/// Dependencies whose name stands in no source file.
pub(super) struct Unseen {
    pub(super) package: &'static str,
    pub(super) dependency: &'static str,
    pub(super) why: &'static str,
}

pub(super) const UNSEEN: &[Unseen] = &[Unseen {
    package: "sweep-proto",
    dependency: "tonic-prost",
    why: "called by the code that its build script generates",
}];
