//! Compiles the `.proto` files with a compiler in Rust, so that no `protoc` is needed.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "proto/sweep/v1/worker.proto",
        "proto/sweep/v1/sweeps.proto",
        "proto/sweep/v1/operator.proto",
        "proto/foreign/tensorboard.proto",
        "proto/foreign/wandb.proto",
    ];
    for file in files {
        println!("cargo::rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["proto"])?;
    let methods = descriptors.file.iter().flat_map(|file| {
        file.service.iter().flat_map(|service| {
            let path = format!("/{}.{}", file.package(), service.name());
            service.method.iter().map(move |method| format!("{path}/{}", method.name()))
        })
    });
    let methods: Vec<String> = methods.collect();
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out).join("methods.rs"), format!("&{methods:?}"))?;
    // What holds the text of a token is not printed by a derived `Debug`.
    let builder = tonic_prost_build::configure().skip_debug(["sweep.v1.CreateTokenReply"]);
    builder.compile_fds(descriptors)?;
    Ok(())
}
