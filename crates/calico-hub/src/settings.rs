use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::HubError;

/// The public hub.
const ENDPOINT: &str = "https://huggingface.co";

/// Seconds of silence after which a server is given up; the hub's own default.
const SILENCE_SECS: f64 = 10.0;

/// Bytes of the file of a token that are read; tokens are shorter.
const MOST_OF_A_TOKEN: u64 = 4096;

/// How the hub is reached, and where its files are kept. The names of the variables, and their
/// defaults, are those of the Python client.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address of the hub or of a mirror, without a slash at its end: `HF_ENDPOINT`.
    pub endpoint: String,
    /// Folder of the cache: `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `hub` in `HF_HOME`,
    /// `huggingface/hub` in `XDG_CACHE_HOME`, or `.cache/huggingface/hub` in the home folder.
    pub cache: PathBuf,
    /// Who asks: `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, or the file that `HF_TOKEN_PATH` names,
    /// which is `token` in `HF_HOME`. Not set where `HF_HUB_DISABLE_IMPLICIT_TOKEN` is true.
    pub token: Option<Secret>,
    /// Whether only the cache is asked: `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`.
    pub is_offline: bool,
    /// Whether the digests of files that are in the cache already are computed again.
    pub verifies: bool,
    /// Whether snapshots are made of links, where the disk knows them: not where
    /// `HF_HUB_DISABLE_SYMLINKS` is true.
    pub links: bool,
    /// How long a server may be silent in an answer: `HF_HUB_DOWNLOAD_TIMEOUT`, in seconds.
    pub silence: Duration,
    /// How long it may take to connect: `HF_HUB_ETAG_TIMEOUT`, in seconds.
    pub connect: Duration,
    /// What happens after a failure that may pass.
    pub retry: Retry,
    /// Who stands between: `HTTPS_PROXY`, `ALL_PROXY`, and for an address without TLS `HTTP_PROXY`;
    /// in small letters, too.
    pub proxy: Option<Proxy>,
    /// A file of certificates in PEM form that are trusted instead of those of the public web:
    /// `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`.
    pub roots: Option<PathBuf>,
}

/// How often and how soon something is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Tries that follow each other without a new byte.
    pub tries: u32,
    /// Pause after the first; each further one is twice as long.
    pub pause: Duration,
    /// A server that asks for a longer pause than this is not waited for.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { tries: 6, pause: Duration::from_secs(1), longest: Duration::from_mins(5) }
    }
}

/// A proxy server.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Its address; may hold a password.
    pub address: Secret,
    /// Hosts that are reached without it, with commas between: `NO_PROXY`.
    pub exceptions: String,
}

/// A text that no message and no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl Settings {
    /// The public hub and a folder, without a token.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            endpoint: ENDPOINT.into(),
            cache: cache.into(),
            token: None,
            is_offline: false,
            verifies: false,
            links: true,
            silence: Duration::from_secs_f64(SILENCE_SECS),
            connect: Duration::from_secs_f64(SILENCE_SECS),
            retry: Retry::default(),
            proxy: None,
            roots: None,
        }
    }

    /// What the variables say that `variable` gives. An empty one counts as not set.
    ///
    /// # Errors
    ///
    /// [`HubError::Setting`] names the variable and says what it may be.
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, HubError> {
        let environment = Environment(&variable);
        let home = environment.hub_home();
        let cache = environment.folder(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]);
        let cache = cache.or_else(|| home.as_ref().map(|home| home.join("hub")));
        let cache = cache.ok_or_else(|| HubError::Setting {
            name: "HOME",
            found: String::new(),
            expected: "a home folder, or HF_HOME".into(),
        })?;
        let mut settings = Self::new(cache);
        if let Some(endpoint) = environment.text("HF_ENDPOINT") {
            endpoint.trim_end_matches('/').clone_into(&mut settings.endpoint);
        }
        settings.token = environment.token(home.as_deref())?;
        settings.is_offline =
            environment.is_set("HF_HUB_OFFLINE") || environment.is_set("TRANSFORMERS_OFFLINE");
        settings.links = !environment.is_set("HF_HUB_DISABLE_SYMLINKS");
        settings.silence = environment.seconds("HF_HUB_DOWNLOAD_TIMEOUT")?;
        settings.connect = environment.seconds("HF_HUB_ETAG_TIMEOUT")?;
        settings.proxy = environment.proxy(settings.endpoint.starts_with("http:"));
        settings.roots = environment.folder(&["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"]);
        Ok(settings)
    }
}

struct Environment<'a>(&'a dyn Fn(&str) -> Option<OsString>);

impl Environment<'_> {
    fn value(&self, name: &str) -> Option<OsString> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = self.value(name)?.to_string_lossy().trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    fn is_set(&self, name: &str) -> bool {
        let value = self.text(name).unwrap_or_default().to_uppercase();
        ["1", "ON", "YES", "TRUE"].contains(&&*value)
    }

    fn home(&self) -> Option<PathBuf> {
        self.value("HOME").or_else(|| self.value("USERPROFILE")).map(PathBuf::from)
    }

    /// The first of these paths that is set; `~` at its start is the home folder.
    fn folder(&self, names: &[&str]) -> Option<PathBuf> {
        let path = PathBuf::from(names.iter().find_map(|name| self.value(name))?);
        match (path.strip_prefix("~"), self.home()) {
            (Ok(rest), Some(home)) => Some(home.join(rest)),
            _ => Some(path),
        }
    }

    fn hub_home(&self) -> Option<PathBuf> {
        let caches = || {
            let own = || self.home().map(|home| home.join(".cache"));
            self.folder(&["XDG_CACHE_HOME"]).or_else(own)
        };
        self.folder(&["HF_HOME"]).or_else(|| caches().map(|caches| caches.join("huggingface")))
    }

    fn token(&self, home: Option<&Path>) -> Result<Option<Secret>, HubError> {
        if self.is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            return Ok(None);
        }
        let named = || self.text("HF_TOKEN").or_else(|| self.text("HUGGING_FACE_HUB_TOKEN"));
        let token = match (named(), self.folder(&["HF_TOKEN_PATH"]), home) {
            (Some(token), ..) => Some(token),
            (None, Some(path), _) => token_file(&path)?,
            // Nobody has asked for this one: that of another user is passed over.
            (None, None, Some(home)) => token_file(&home.join("token")).unwrap_or_default(),
            (None, None, None) => None,
        };
        let Some(token) = token else { return Ok(None) };
        let token = token.trim();
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(HubError::Setting {
                name: "HF_TOKEN",
                found: "a text with blanks or special letters, in it or in its file".into(),
                expected: "a token of the hub, which begins with hf_".into(),
            });
        }
        Ok((!token.is_empty()).then(|| Secret::new(token)))
    }

    fn seconds(&self, name: &'static str) -> Result<Duration, HubError> {
        let Some(text) = self.text(name) else { return Ok(Duration::from_secs_f64(SILENCE_SECS)) };
        match text.parse::<f64>() {
            Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => {
                Ok(Duration::from_secs_f64(seconds))
            }
            _ => Err(HubError::Setting {
                name,
                found: text,
                expected: "seconds, from 0.1 to 86400".into(),
            }),
        }
    }

    fn proxy(&self, is_plain: bool) -> Option<Proxy> {
        let own = if is_plain { "HTTP_PROXY" } else { "HTTPS_PROXY" };
        let either = |name: &str| self.text(name).or_else(|| self.text(&name.to_lowercase()));
        let address = either(own).or_else(|| either("ALL_PROXY"))?;
        let exceptions = either("NO_PROXY").unwrap_or_default();
        Some(Proxy { address: Secret::new(address), exceptions })
    }
}

/// What the file of the token holds; nothing if there is none.
fn token_file(path: &Path) -> Result<Option<String>, HubError> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_OF_A_TOKEN).read_to_end(&mut text));
    match read {
        Ok(_) => Ok(Some(String::from_utf8_lossy(&text).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(HubError::io("read", path, error)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Settings, HubError> {
        Settings::from_environment(|name| {
            let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
            Some(OsString::from(value))
        })
    }

    #[test]
    fn the_cache_is_where_the_python_client_has_it() {
        let cache = |variables: &[(&str, &str)]| from(variables).unwrap().cache;
        let home = ("HOME", "home");
        assert_eq!(cache(&[home]), Path::new("home/.cache/huggingface/hub"));
        assert_eq!(cache(&[home, ("XDG_CACHE_HOME", "x")]), Path::new("x/huggingface/hub"));
        assert_eq!(cache(&[home, ("HF_HOME", "~/hf")]), Path::new("home/hf/hub"));
        let legacy = ("HUGGINGFACE_HUB_CACHE", "old");
        assert_eq!(cache(&[home, ("HF_HOME", "hf"), legacy]), Path::new("old"));
        assert_eq!(cache(&[home, legacy, ("HF_HUB_CACHE", "new")]), Path::new("new"));
        assert_eq!(cache(&[home, ("HF_HUB_CACHE", "")]), Path::new("home/.cache/huggingface/hub"));
        assert!(from(&[]).is_err());
    }

    #[test]
    fn a_token_is_found_where_the_python_client_looks_and_is_never_shown() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("token"), "hf_file\n").unwrap();
        let home = ("HF_HOME", scratch.path().to_str().unwrap());
        let token = |variables: &[(&str, &str)]| from(variables).unwrap().token;
        assert_eq!(token(&[home]), Some(Secret::new("hf_file")));
        assert_eq!(token(&[home, ("HF_TOKEN", " hf_variable ")]), Some(Secret::new("hf_variable")));
        assert_eq!(token(&[home, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
        assert_eq!(token(&[home, ("HF_TOKEN", " \n")]), Some(Secret::new("hf_file")));
        assert_eq!(token(&[home, ("HF_TOKEN_PATH", "nothing")]), None);
        // A folder is there and is no token: that is said, and not passed over.
        let folder = ("HF_TOKEN_PATH", home.1);
        assert!(from(&[home, folder]).unwrap_err().to_string().contains(home.1));
        // Where nobody has named it, what cannot be read is as good as not there.
        fs::create_dir_all(scratch.path().join("other/token")).unwrap();
        let other = scratch.path().join("other");
        assert_eq!(token(&[("HF_HOME", other.to_str().unwrap())]), None);
        let shown = format!("{:?}", from(&[home]).unwrap());
        assert!(!shown.contains("hf_file"), "{shown}");
        let error = from(&[home, ("HF_TOKEN", "hf_a\nb: c")]).unwrap_err().to_string();
        assert!(!error.contains("hf_a"), "{error}");
    }

    #[test]
    fn every_other_variable_is_honoured() {
        let settings = from(&[
            ("HOME", "h"),
            ("HF_ENDPOINT", "https://mirror.example/hub/"),
            ("HF_HUB_OFFLINE", "yes"),
            ("HF_HUB_DISABLE_SYMLINKS", "1"),
            ("HF_HUB_DOWNLOAD_TIMEOUT", "2.5"),
            ("https_proxy", "http://user:pass@proxy:3128"),
            ("NO_PROXY", "localhost"),
            ("SSL_CERT_FILE", "ca.pem"),
        ])
        .unwrap();
        assert_eq!(settings.endpoint, "https://mirror.example/hub");
        assert!(settings.is_offline && !settings.links);
        assert_eq!(settings.silence, Duration::from_millis(2500));
        let proxy = settings.proxy.as_ref().unwrap();
        assert_eq!(
            (proxy.address.reveal(), &*proxy.exceptions),
            ("http://user:pass@proxy:3128", "localhost")
        );
        assert_eq!(settings.roots.as_deref(), Some(Path::new("ca.pem")));
        assert!(!format!("{settings:?}").contains("pass"));
        let error = from(&[("HOME", "h"), ("HF_HUB_ETAG_TIMEOUT", "soon")]).unwrap_err();
        assert!(error.to_string().contains("HF_HUB_ETAG_TIMEOUT"), "{error}");
    }
}
