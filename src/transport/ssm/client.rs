//! The SDK's client: standard configuration, one HTTP client, no retries of its own.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ssm::config::retry::RetryConfig;
use aws_sdk_ssm::config::timeout::TimeoutConfig;
use aws_sdk_ssm::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};

use super::skew::{ReadDate, Skew};
use super::{SsmCredentials, SsmOptions, SsmTransport, pace};

/// Connections are local or to a region's endpoint; one that takes longer is down.
const CONNECT: Duration = Duration::from_secs(5);

/// Longest wait for one answer: the service answers in well under a second, and a send that is not
/// answered by then is found again by its comment.
const ANSWER: Duration = Duration::from_secs(30);

impl SsmTransport {
    /// Reads the configuration; nothing is sent yet.
    pub async fn connect(options: SsmOptions) -> Self {
        let SsmOptions {
            region,
            endpoint,
            credentials,
            clock,
            random,
        } = options;
        let skew = Skew::default();
        // SendCommand has no idempotency token, and the SDK would repeat it on a lost answer
        // (ssm.md §1.4). What may be repeated is repeated in `call`.
        let settings = Settings {
            http: http_client(),
            retry: RetryConfig::disabled(),
            timeouts: TimeoutConfig::builder()
                .connect_timeout(CONNECT)
                .operation_timeout(ANSWER)
                .build(),
        };
        let (builder, named) = match credentials {
            SsmCredentials::Sandbox => (sandbox(region.clone(), &settings), None),
            SsmCredentials::Standard => standard(region.clone(), &settings).await,
        };
        let mut builder = builder.interceptor(ReadDate {
            skew: skew.clone(),
            clock: Arc::clone(&clock),
        });
        if let Some(endpoint) = &endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        let endpoint = endpoint
            .or(named)
            .unwrap_or_else(|| format!("https://ssm.{region}.amazonaws.com"));
        Self {
            client: aws_sdk_ssm::Client::from_conf(builder.build()),
            endpoint,
            pace: pace::Pace::new(),
            skew,
            clock,
            random,
            watched: std::sync::Mutex::default(),
        }
    }
}

struct Settings {
    http: SharedHttpClient,
    retry: RetryConfig,
    timeouts: TimeoutConfig,
}

fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

/// Nothing of the machine's AWS configuration reaches the sandbox.
fn sandbox(region: String, settings: &Settings) -> aws_sdk_ssm::config::Builder {
    aws_sdk_ssm::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(Credentials::new(
            "sandbox", "sandbox", None, None, "sandbox",
        ))
        .http_client(settings.http.clone())
        .retry_config(settings.retry.clone())
        .timeout_config(settings.timeouts.clone())
}

/// The standard configuration, and the endpoint that it names.
async fn standard(
    region: String,
    settings: &Settings,
) -> (aws_sdk_ssm::config::Builder, Option<String>) {
    let shared = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region))
        .http_client(settings.http.clone())
        .retry_config(settings.retry.clone())
        .timeout_config(settings.timeouts.clone())
        .load()
        .await;
    let named = shared.endpoint_url().map(str::to_owned);
    (aws_sdk_ssm::config::Builder::from(&shared), named)
}
