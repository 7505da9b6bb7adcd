use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Deserialize;

const AFTER_HELP: &str = "\
Examples:
  Open http://127.0.0.1:8080/ in a browser; the built-in model answers:
    calico serve
  Let others ask a model of photographs, if they know a token:
    CALICO_BEARER_TOKEN=… calico serve --model DIR --host 0.0.0.0
  Keep everything in a file:
    calico serve --config calico.toml
  Ask from a shell:
    curl -F image=@a.png -F image=@b.png -F task=common_parts http://127.0.0.1:8080/v1/segment

Flags win over variables of the environment, these over the file of --config, and that over the
defaults. The file is TOML with the keys host, port, model, cache, log and log_level and the tables
[limits] (its keys are the flags below, with _ for -) and [access] (bearer_tokens, allowed_origins,
remote_images); its paths are relative to its folder.

The address of the service is the one line on standard output, the log is on standard error.
Ctrl-C or SIGTERM: new questions are refused, those under way are answered, and the service ends.
Exit codes: 0 stopped, 1 failed, 2 bad input.";

/// Answer over HTTP: a web page, an API, and the same for clients of OpenAI's API.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ServeArgs {
    /// Address to listen at; 0.0.0.0 is every address of this machine [default: 127.0.0.1].
    #[arg(long, env = "CALICO_HOST", value_name = "ADDRESS")]
    pub(crate) host: Option<IpAddr>,

    /// Port to listen at; 0 is any that is free [default: 8080].
    #[arg(long, env = "CALICO_PORT", value_name = "PORT")]
    pub(crate) port: Option<u16>,

    /// Folder of the model [default: the built-in model, which knows drawn objects only].
    #[arg(long, env = "CALICO_MODEL", value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,

    /// Keep encoded images in this folder, too, and not only the last ones in memory.
    #[arg(long, env = "CALICO_CACHE", value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,

    /// File with settings.
    #[arg(long, env = "CALICO_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// How the log is written [default: text].
    #[arg(long, env = "CALICO_LOG", value_name = "FORMAT")]
    pub(crate) log: Option<LogFormat>,

    /// What is logged: that and everything graver [default: info].
    #[arg(long, env = "CALICO_LOG_LEVEL", value_name = "LEVEL")]
    pub(crate) log_level: Option<LogLevel>,

    /// Whoever asks must send this token as `Authorization: Bearer TOKEN`; several are separated
    /// by commas. Other users of this machine see flags, so use the variable or the file.
    #[arg(
        long,
        env = "CALICO_BEARER_TOKEN",
        hide_env_values = true,
        value_name = "TOKENS",
        value_delimiter = ',',
        help_heading = "Access"
    )]
    pub(crate) bearer_token: Vec<String>,

    /// Origins of pages that may ask from a browser, separated by commas; `*` is any.
    #[arg(
        long,
        env = "CALICO_ALLOWED_ORIGINS",
        value_name = "ORIGINS",
        value_delimiter = ',',
        help_heading = "Access"
    )]
    pub(crate) allowed_origins: Vec<String>,

    /// Fetch pictures that requests name by an address of the public network.
    #[arg(
        long,
        env = "CALICO_REMOTE_IMAGES",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        help_heading = "Access"
    )]
    pub(crate) remote_images: Option<bool>,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// Lines to read.
    Text,
    /// Objects, one per line.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogLevel {
    /// What failed.
    Error,
    /// What may be wrong.
    Warn,
    /// Every request.
    Info,
    /// Every connection.
    Debug,
}

/// What requests may take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Answers that are computed at once [default: for a small model as many as there are processors,
    /// otherwise one].
    #[arg(long, env = "CALICO_WORKERS", value_name = "N")]
    pub(crate) workers: Option<usize>,

    /// Questions that may wait while others are answered [default: 64].
    #[arg(long, env = "CALICO_QUEUE", value_name = "N")]
    pub(crate) queue: Option<usize>,

    /// Connections at once [default: 1024].
    #[arg(long, env = "CALICO_CONNECTIONS", value_name = "N")]
    pub(crate) connections: Option<usize>,

    /// Bytes of a request, at most a quarter of those of everybody [default: 67108864].
    #[arg(long, env = "CALICO_REQUEST_BYTES", value_name = "BYTES")]
    pub(crate) request_bytes: Option<usize>,

    /// Bytes of the requests and pictures of everybody at once [default: 2147483648].
    #[arg(long, env = "CALICO_MEMORY_BYTES", value_name = "BYTES")]
    pub(crate) memory_bytes: Option<usize>,

    /// Bytes of a question or a sentence [default: 16384].
    #[arg(long, env = "CALICO_TEXT_BYTES", value_name = "BYTES")]
    pub(crate) text_bytes: Option<usize>,

    /// Pictures of a request [default: 8].
    #[arg(long, env = "CALICO_IMAGES", value_name = "N")]
    pub(crate) images: Option<usize>,

    /// Pixels of a picture [default: 50000000].
    #[arg(long, env = "CALICO_IMAGE_PIXELS", value_name = "N")]
    pub(crate) image_pixels: Option<u64>,

    /// Pixels of a side of a picture [default: 16384].
    #[arg(long, env = "CALICO_IMAGE_SIDE", value_name = "N")]
    pub(crate) image_side: Option<u32>,

    /// Tokens of an answer [default: 512].
    #[arg(long, env = "CALICO_ANSWER_TOKENS", value_name = "N")]
    pub(crate) answer_tokens: Option<usize>,

    /// Seconds until the head of a request has arrived [default: 10].
    #[arg(long, env = "CALICO_HEADER_SECONDS", value_name = "S")]
    pub(crate) header_seconds: Option<u64>,

    /// Seconds until the rest of a request has arrived [default: 60].
    #[arg(long, env = "CALICO_RECEIVE_SECONDS", value_name = "S")]
    pub(crate) receive_seconds: Option<u64>,

    /// Seconds that a question waits for its turn [default: 300].
    #[arg(long, env = "CALICO_WAIT_SECONDS", value_name = "S")]
    pub(crate) wait_seconds: Option<u64>,

    /// Seconds that answering takes [default: 600].
    #[arg(long, env = "CALICO_ANSWER_SECONDS", value_name = "S")]
    pub(crate) answer_seconds: Option<u64>,

    /// Seconds that a client may leave what is sent to it untouched [default: 60].
    #[arg(long, env = "CALICO_SEND_SECONDS", value_name = "S")]
    pub(crate) send_seconds: Option<u64>,

    /// Seconds that requests under way get when the service is stopped [default: 60].
    #[arg(long, env = "CALICO_DRAIN_SECONDS", value_name = "S")]
    pub(crate) drain_seconds: Option<u64>,
}
