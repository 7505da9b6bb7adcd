//! Named configurations, as data.

use std::path::Path;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::{CalicoConfig, ConfigError};

const FULL: &str = include_str!("../../presets/full.toml");
const MINI: &str = include_str!("../../presets/mini.toml");
const TINY: &str = include_str!("../../presets/tiny.toml");
const DINOV2: &str = include_str!("../../presets/dinov2.toml");

/// A configuration with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// The published model: 9.65 billion parameters.
    Full,
    /// The model that comes inside the program: every module at a size that answers in a second.
    Mini,
    /// Every module at the smallest size: 0.9 million parameters.
    Tiny,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 3] = [Self::Full, Self::Mini, Self::Tiny];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Mini => "mini",
            Self::Tiny => "tiny",
        }
    }

    /// The configuration.
    pub fn config(self) -> Result<CalicoConfig, ConfigError> {
        let text = match self {
            Self::Full => FULL,
            Self::Mini => MINI,
            Self::Tiny => TINY,
        };
        let path = format!("preset {}", self.name());
        let mut config = CalicoConfig::from_toml(text, Path::new(&path))?;
        config.preset = Some(self.name().to_owned());
        Ok(config)
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|preset| preset.name() == name);
        found.ok_or_else(|| format!("there is no preset {name:?}; expected full, mini or tiny"))
    }
}

/// The input size that gives the grid of EVA-CLIP; the tables of positions are stored for 518.
const DINO_INPUT_SIZE: usize = 224;
/// The variant that the paper's count of parameters fits.
const DINO_VARIANT: &str = "vitg14_reg4";

/// Replaces `dino.variant` by the keys it stands for; keys beside it win. A section that gives
/// neither a variant nor a width is the published model.
pub(super) fn expand_dino(config: &mut Value) -> Result<(), String> {
    let Some(config) = config.as_object_mut() else {
        return Ok(());
    };
    let dino = config.entry("dino").or_insert_with(|| Value::Object(Map::new()));
    let Some(dino) = dino.as_object_mut() else {
        return Ok(());
    };
    let variant = match dino.remove("variant") {
        Some(variant) => variant,
        None if dino.contains_key("width") => return Ok(()),
        None => DINO_VARIANT.into(),
    };
    dino.entry("input_size").or_insert_with(|| DINO_INPUT_SIZE.into());
    let variants: Value = toml::from_str(DINOV2).map_err(|error| error.to_string())?;
    let known = variant.as_str().and_then(|name| variants.get(name)).and_then(Value::as_object);
    let Some(known) = known else {
        let names = variants.as_object().into_iter().flat_map(|all| all.keys().cloned());
        let names: Vec<String> = names.collect();
        return Err(format!(
            "dino.variant {variant} is unknown; expected one of {}",
            names.join(", ")
        ));
    };
    for (key, value) in known {
        dino.entry(key).or_insert_with(|| value.clone());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_read_back_from_the_json_they_write() {
        for preset in Preset::ALL {
            let config = preset.config().unwrap();
            let json = config.to_json().unwrap();
            assert_eq!(CalicoConfig::from_json(&json, Path::new("config.json")).unwrap(), config);
            assert_eq!(preset.name().parse(), Ok(preset));
        }
        assert!("huge".parse::<Preset>().is_err());
    }

    #[test]
    fn widths_of_mini_fit_four_and_eight_bit_formats() {
        let config = Preset::Mini.config().unwrap();
        assert_eq!([config.llm.width % 256, config.llm.mlp_hidden % 256], [0, 0]);
        let calico_vision::dinov2::FeedForwardKind::SwiGlu { hidden } = config.dino.ffn else {
            panic!("{:?}", config.dino.ffn)
        };
        let (eva, qformer, sam) = (&config.eva, &config.qformer, &config.sam);
        for width in [
            eva.width,
            eva.mlp_hidden,
            qformer.width,
            qformer.ffn_hidden,
            qformer.encoder_width,
            config.dino.width,
            hidden,
            sam.width,
            sam.encoder.width,
            sam.encoder.mlp_hidden,
            sam.decoder.cross_width,
            sam.decoder.mlp_hidden,
            sam.decoder.iou_hidden,
        ] {
            assert_eq!(width % 32, 0, "{width}");
        }
        let parameters: u64 = crate::budget::modules(&config, crate::budget::Request::default())
            .unwrap()
            .iter()
            .map(|module| module.parameters)
            .sum();
        assert!(2 * parameters < 8_000_000, "{parameters} values take too much room in bf16");
    }

    #[test]
    fn a_notice_is_kept_and_left_out_where_there_is_none() {
        let mini = Preset::Mini.config().unwrap().to_json().unwrap();
        assert!(mini.contains("\"notice\": \"This model knows drawn objects only"), "{mini}");
        assert!(!Preset::Tiny.config().unwrap().to_json().unwrap().contains("notice"));
        let text = format!("notice = ' '\n{TINY}");
        let error = CalicoConfig::from_toml(&text, Path::new("t")).unwrap_err().to_string();
        assert!(error.contains("notice says nothing"), "{error}");
    }

    #[test]
    fn every_variant_fits_the_full_model() {
        let variants: Value = toml::from_str(DINOV2).unwrap();
        for name in variants.as_object().unwrap().keys() {
            let text = FULL.replace("vitg14_reg4", name);
            let config = CalicoConfig::from_toml(&text, Path::new("t")).unwrap();
            assert_eq!(config.dino.num_register_tokens, if name.contains("reg") { 4 } else { 0 });
        }
        let error = CalicoConfig::from_toml(&FULL.replace("vitg14", "vith16"), Path::new("t"));
        assert!(error.unwrap_err().to_string().contains("vitl14_reg4"));
    }

    #[test]
    fn what_the_paper_leaves_open_has_the_published_value() {
        let text = FULL
            .replace("variant = \"vitg14_reg4\"", "")
            .replace("\ninput_size = 224", "")
            .replace("layers = [11, 22]", "")
            .replace("[cem]\nnum_heads = 16", "[cem]");
        let config = CalicoConfig::from_toml(&text, Path::new("t")).unwrap();
        assert_eq!(config, CalicoConfig::from_toml(FULL, Path::new("t")).unwrap());
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place() {
        for (section, key) in
            [("[cem]", "cem"), ("[qformer]", "qformer"), ("[sam.encoder]", "sam.encoder")]
        {
            let text = TINY.replace(section, &format!("{section}\ntypo = 1"));
            let error = CalicoConfig::from_toml(&text, Path::new("t")).unwrap_err().to_string();
            assert!(error.contains(key) && error.contains("typo"), "{error}");
        }
    }

    #[test]
    fn contradictions_are_reported_together() {
        let text = TINY
            .replace("layers = [2, 4]", "layers = [2, 9]")
            .replace("num_kv_heads = 4", "num_kv_heads = 3")
            .replace("encoder_width = 64", "encoder_width = 65");
        let error = CalicoConfig::from_toml(&text, Path::new("t")).unwrap_err();
        let ConfigError::Invalid { problems, .. } = error else { panic!("{error}") };
        assert_eq!(problems.len(), 3, "{problems:?}");
    }

    #[test]
    fn no_number_makes_reading_or_counting_panic_or_take_gigabytes() {
        let numbers = ["0", "1", "7", "256", "1024", "65536", "1048576", "9223372036854775807"];
        let others = ["-1", "1.5", "-1e300", "1e300", "null", "\"a\"", "[]", "{}"];
        let json: Value = toml::from_str(TINY).unwrap();
        let mut built = 0;
        let mut check = |json: &Value| {
            if let Ok(config) = CalicoConfig::from_json(&json.to_string(), Path::new("t")) {
                let request = crate::budget::Request::default();
                built += usize::from(crate::budget::modules(&config, request).is_ok());
            }
        };
        let mut paths = Vec::new();
        for (section, keys) in json.as_object().unwrap() {
            for (key, value) in keys.as_object().unwrap() {
                paths.push(format!("/{section}/{key}"));
                for inner in value.as_object().into_iter().flat_map(|inner| inner.keys()) {
                    paths.push(format!("/{section}/{key}/{inner}"));
                }
            }
        }
        for path in paths {
            for number in numbers.iter().chain(&others) {
                let mut json = json.clone();
                *json.pointer_mut(&path).unwrap() = serde_json::from_str(number).unwrap();
                check(&json);
            }
        }
        assert!(built > 50, "only {built} of the configurations describe a model");
    }
}
