//! The service of whoever runs the coordinator.

use sweep_core::access::Role;
use sweep_core::token::{NewToken, TokenOrder};
use sweep_core::units::WallTime;
use sweep_proto::document;
use sweep_proto::v1::operator_service_server::OperatorService;
use sweep_proto::v1::{
    CreateTokenReply, CreateTokenRequest, DiagnoseRequest, Document, ListTokensRequest,
    RevokeTokenRequest,
};
use tonic::{Request, Response, Status};

use crate::context::Context;
use crate::doors::{self, actor};
use crate::{Error, diagnose};

pub(super) struct Operator {
    pub(super) context: Context,
}

#[tonic::async_trait]
impl OperatorService for Operator {
    async fn create_token(
        &self,
        request: Request<CreateTokenRequest>,
    ) -> Result<Response<CreateTokenReply>, Status> {
        let actor = actor(&request)?;
        let CreateTokenRequest { name, role, project, expires_in_ms, actor: claimed } =
            request.into_inner();
        let role = role.parse::<Role>().map_err(|mistake| Error::BadToken { mistake })?;
        let expires_in = expires_in_ms.map(WallTime::from_ms);
        let order = TokenOrder { name, role, project, expires_in };
        let NewToken { token, secret } =
            doors::create(&self.context, &actor, order, claimed).await?;
        let (secret, token) = (secret.expose().to_owned(), document::encode(&token));
        Ok(Response::new(CreateTokenReply { secret, token }))
    }

    async fn diagnose(
        &self,
        request: Request<DiagnoseRequest>,
    ) -> Result<Response<Document>, Status> {
        let actor = actor(&request)?;
        Ok(Response::new(Document::of(&diagnose::diagnose(&self.context, &actor).await?)))
    }

    async fn list_tokens(
        &self,
        _: Request<ListTokensRequest>,
    ) -> Result<Response<Document>, Status> {
        let tokens = self.context.store.tokens().await.map_err(Error::from)?;
        Ok(Response::new(Document::of(&tokens)))
    }

    async fn revoke_token(
        &self,
        request: Request<RevokeTokenRequest>,
    ) -> Result<Response<Document>, Status> {
        let actor = actor(&request)?;
        let RevokeTokenRequest { token, actor: claimed } = request.into_inner();
        let revoked = doors::revoke(&self.context, &actor, &token, claimed).await?;
        Ok(Response::new(Document::of(&revoked)))
    }
}
