//! The credentials of this process, from where all AWS SDKs look for them.

use std::{path::PathBuf, sync::Arc};

use reqsign_aws_v4::{
    AssumeRoleWithWebIdentityCredentialProvider, Credential, ECSCredentialProvider,
    EnvCredentialProvider, IMDSv2CredentialProvider, ProfileCredentialProvider, RequestSigner,
    SSOCredentialProvider,
};
use reqsign_core::{
    Context, Error, FileRead, OsEnv, ProvideCredential, ProvideCredentialDyn, Signer,
};
use tokio::task;

use super::https::Https;

/// Signs requests, and looks for credentials where there are none that last.
pub(super) fn signer(https: Https, region: &str, signer: RequestSigner) -> Signer<Credential> {
    let context = Context::new().with_http_send(https).with_file_read(Files).with_env(OsEnv);
    Signer::new(context, Sources::standard(region), signer)
}

/// In this order: variables (Lambda), the files of a laptop, the role of a Kubernetes
/// service account, that of a container or pod (also where Lambda starts from a snapshot),
/// that of an EC2 instance.
#[derive(Debug)]
struct Sources(Vec<Arc<dyn ProvideCredentialDyn<Credential = Credential>>>);

impl Sources {
    fn standard(region: &str) -> Self {
        let web_identity = AssumeRoleWithWebIdentityCredentialProvider::new()
            .with_region(region.to_owned())
            .with_regional_sts_endpoint();
        Self(vec![
            Arc::new(EnvCredentialProvider::new()),
            Arc::new(ProfileCredentialProvider::new()),
            Arc::new(SSOCredentialProvider::new()),
            Arc::new(web_identity),
            Arc::new(ECSCredentialProvider::new()),
            Arc::new(IMDSv2CredentialProvider::new()),
        ])
    }
}

impl ProvideCredential for Sources {
    type Credential = Credential;

    /// The credentials of the first source that has any. A source that fails is not passed
    /// over: what comes behind it may be another role.
    async fn provide_credential(&self, context: &Context) -> Result<Option<Credential>, Error> {
        for source in &self.0 {
            if let Some(credential) = source.provide_credential_dyn(context).await? {
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }
}

/// Reads files on threads for such work.
#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> Result<Vec<u8>, Error> {
        let path = PathBuf::from(path);
        let read = task::spawn_blocking(move || std::fs::read(path)).await;
        let read = read.map_err(|panic| Error::unexpected(panic.to_string()))?;
        read.map_err(|error| Error::unexpected(error.to_string()))
    }
}
