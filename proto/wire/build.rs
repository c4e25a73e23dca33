//! Generates the types of the packets from the schema without an installed protoc.

const FILES: [&str; 6] = ["job", "record", "packet", "link", "safety", "jobs"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=schema");
    let files = FILES.map(|name| format!("schema/cortex/v1/{name}.proto"));
    let descriptors = protox::compile(files, ["schema"])?;
    let mut config = prost_build::Config::new();
    // Equal packets must have equal bytes.
    config.btree_map(["."]);
    config.bytes([".cortex.v1.Put.payload", ".cortex.v1.Down.Job.context", ".cortex.v1.JobProgress.frame"]);
    if std::env::var_os("CARGO_FEATURE_GRPC").is_some() {
        grpc(config, descriptors)
    } else {
        Ok(config.compile_fds(descriptors)?)
    }
}

#[cfg(feature = "grpc")]
fn grpc(
    config: prost_build::Config,
    descriptors: protox::prost_reflect::prost_types::FileDescriptorSet,
) -> Result<(), Box<dyn std::error::Error>> {
    Ok(tonic_prost_build::configure().compile_fds_with_config(descriptors, config)?)
}

#[cfg(not(feature = "grpc"))]
fn grpc<T>(_: prost_build::Config, _: T) -> Result<(), Box<dyn std::error::Error>> {
    unreachable!("only called with the feature")
}
