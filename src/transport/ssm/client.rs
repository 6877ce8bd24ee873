//! The SDK's client: where it finds credentials and the endpoint, and that it never retries by
//! itself. A retry of the SDK could send a command twice without anybody's knowing (ssm.md §1.4).

use std::future::Future;
use std::sync::Arc;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::http::HttpResponse;
use aws_sdk_ssm::config::retry::RetryConfig;
use aws_sdk_ssm::config::timeout::TimeoutConfig;
use aws_sdk_ssm::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};

use super::error::Fault;
use super::pace::{Pace, Pacing};
use super::skew::{SkewMeter, SkewReading};
use super::{SsmCredentials, SsmOptions};
use crate::model::clock::Clock;
use crate::transport::TransportError;

/// Attempts of a call that ends without an answer, where trying again can do no harm.
const ATTEMPTS: u32 = 3;

/// The client, with its pace and what it has seen of the service's clock.
pub(super) struct Caller {
    pub(super) client: Client,
    pub(super) skew: SkewReading,
    pub(super) clock: Arc<dyn Clock>,
    endpoint: String,
    pace: Pace,
}

/// An operation, and whether it may be repeated without knowing what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) reads: bool,
}

impl Operation {
    pub(super) const fn reading(name: &'static str) -> Self {
        Self { name, reads: true }
    }
}

impl Caller {
    pub(super) async fn connect(options: SsmOptions, pacing: Pacing) -> Self {
        let skew = SkewReading::default();
        let region = Region::new(options.region.clone());
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(pacing.connect)
            .operation_attempt_timeout(pacing.answer)
            .build();
        let config = match options.credentials {
            SsmCredentials::Standard => {
                let shared = aws_config::defaults(BehaviorVersion::latest())
                    .region(region)
                    .http_client(http_client())
                    .load()
                    .await;
                aws_sdk_ssm::config::Builder::from(&shared)
            }
            // Nothing of the environment: a profile or a proxy is for AWS, and this is not.
            SsmCredentials::Sandbox => aws_sdk_ssm::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(region)
                .http_client(http_client_without_proxy())
                .credentials_provider(Credentials::new(
                    "sandbox", "sandbox", None, None, "sandbox",
                )),
        };
        let config = match &options.endpoint {
            Some(endpoint) => config.endpoint_url(endpoint),
            None => config,
        };
        let config = config
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .interceptor(SkewMeter::new(Arc::clone(&options.clock), &skew))
            .build();
        let endpoint = options
            .endpoint
            .unwrap_or_else(|| format!("AWS Systems Manager in {}", options.region));
        Self {
            client: Client::from_conf(config),
            skew,
            clock: Arc::clone(&options.clock),
            endpoint,
            pace: Pace::new(pacing, options.clock, options.random),
        }
    }

    /// Calls until there is an answer that counts.
    pub(super) async fn call<T, E, F>(
        &self,
        operation: Operation,
        attempt: impl Fn() -> F,
    ) -> Result<T, TransportError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let started = self.clock.monotonic();
        let mut refusals = 0;
        let mut failures = 0;
        loop {
            self.pace.turn().await;
            let fault = match attempt().await {
                Ok(output) => {
                    self.pace.passed();
                    return Ok(output);
                }
                Err(error) => Fault::of(error),
            };
            tracing::debug!(operation = operation.name, ?fault, "a call has no result");
            let tried = self.clock.monotonic().saturating_sub(started);
            let again = match &fault {
                Fault::Throttled => {
                    self.pace.throttled();
                    tried < self.pace.pacing().patience
                }
                Fault::NeverSent(_) => {
                    failures += 1;
                    failures < ATTEMPTS
                }
                Fault::Unclear(_) => {
                    failures += 1;
                    operation.reads && failures < ATTEMPTS
                }
                Fault::Credentials(_) | Fault::Denied(_) | Fault::Refused { .. } => false,
            };
            if !again {
                return Err(fault.into_error(operation, &self.endpoint, tried));
            }
            refusals += 1;
            self.pace.back_off(refusals).await;
        }
    }
}

/// Certificates are those of the machine, and a proxy is taken from where every tool takes it.
fn http_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut builder = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .proxy_config(ProxyConfig::from_env());
        builder.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            builder.set_sleep_impl(components.sleep_impl());
        }
        builder.build()
    })
}

fn http_client_without_proxy() -> SharedHttpClient {
    Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}
