//! Compiles the `.proto` files with a compiler in Rust, so that no `protoc` is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "proto/sweep/v1/worker.proto",
        "proto/sweep/v1/sweeps.proto",
        "proto/foreign/tensorboard.proto",
        "proto/foreign/wandb.proto",
    ];
    for file in files {
        println!("cargo::rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["proto"])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
