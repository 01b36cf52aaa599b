//! Helper attributes as lists of `key` and `key = value`.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, Token};

use crate::errors::Errors;

/// One `key` or `key = value` of a helper attribute, such as `range = 0.0..=1.0`.
pub struct Setting<V> {
    pub key: Ident,
    pub value: Option<V>,
}

/// A helper attribute and the keys that it accepts.
pub struct Keys {
    pub attribute: &'static str,
    pub valid: &'static [&'static str],
}

impl<V: Parse> Parse for Setting<V> {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let key = input.parse()?;
        let has_value = input.parse::<Option<Token![=]>>()?.is_some();
        let value = if has_value { Some(input.parse()?) } else { None };
        Ok(Self { key, value })
    }
}

impl Keys {
    /// Returns the settings of this attribute among `attributes`. Unknown and repeated keys are reported and left out.
    pub fn settings<V: Parse>(&self, attributes: &[Attribute], errors: &mut Errors) -> Vec<Setting<V>> {
        let mut settings = Vec::new();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(self.attribute)) {
            let list = attribute.parse_args_with(Punctuated::<Setting<V>, Token![,]>::parse_terminated);
            for setting in errors.keep(list).into_iter().flatten() {
                if self.admits(&setting, &settings, errors) {
                    settings.push(setting);
                }
            }
        }
        settings
    }

    fn admits<V>(&self, setting: &Setting<V>, earlier: &[Setting<V>], errors: &mut Errors) -> bool {
        let (key, attribute) = (&setting.key, self.attribute);
        if !self.valid.iter().any(|valid| key == valid) {
            let valid = self.valid.iter().map(|valid| format!("`{valid}`")).collect::<Vec<_>>().join(", ");
            errors.report(key, format!("unknown key `{key}` in `#[{attribute}(…)]`; it knows {valid}"));
            return false;
        }
        if earlier.iter().any(|setting| setting.key == *key) {
            errors.report(key, format!("`{key}` is given twice in `#[{attribute}(…)]`: keep one"));
            return false;
        }
        true
    }
}
