//! The gRPC services: thin translations between the wire and the modules that do the work.

mod operator;
mod sweeps;
mod workers;

pub(crate) use sweeps::Sender;

use sweep_proto::v1::operator_service_server::OperatorServiceServer;
use sweep_proto::v1::sweep_service_server::SweepServiceServer;
use sweep_proto::v1::worker_service_server::WorkerServiceServer;
use tonic::codegen::http;
use tonic::transport::server::Router;
use tonic::transport::{Server, ServerTlsConfig};

use crate::Error;
use crate::context::Context;
use crate::doors::Guard;
use crate::spans;

/// Largest message: the status of some thousand runs.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// All services of a coordinator.
pub(crate) fn router(context: &Context, tls: Option<ServerTlsConfig>) -> Result<Router, Error> {
    let sweeps = SweepServiceServer::new(sweeps::Sweeps { context: context.clone() })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let workers = WorkerServiceServer::new(workers::Workers { context: context.clone() })
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    let operator = OperatorServiceServer::new(operator::Operator { context: context.clone() });
    let in_flight_max = context.limiter.limits.in_flight_max;
    let traced =
        |request: &http::Request<()>| spans::of_call(request.headers(), request.uri().path());
    let mut server = Server::builder().max_concurrent_streams(in_flight_max).trace_fn(traced);
    if let Some(tls) = tls {
        server = server.tls_config(tls).map_err(|source| Error::BadTls { source })?;
    }
    Ok(server
        .add_service(Guard::new(context, sweeps))
        .add_service(Guard::new(context, workers))
        .add_service(Guard::new(context, operator)))
}
