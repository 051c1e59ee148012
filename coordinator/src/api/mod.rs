//! The gRPC services: thin translations between the wire and the modules that do the work.

mod sweeps;
mod workers;

pub(crate) use sweeps::Sender;

use sweep_proto::v1::sweep_service_server::SweepServiceServer;
use sweep_proto::v1::worker_service_server::WorkerServiceServer;
use tonic::transport::Server;
use tonic::transport::server::Router;

use crate::context::Context;

/// Largest message: the status of some thousand runs.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// All services of a coordinator.
pub(crate) fn router(context: &Context) -> Router {
    let sweeps = SweepServiceServer::new(sweeps::Sweeps { context: context.clone() })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let workers = WorkerServiceServer::new(workers::Workers { context: context.clone() })
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    Server::builder().add_service(sweeps).add_service(workers)
}
