//! `#[derive(Agent)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Type};

use crate::errors::Errors;
use crate::library::library;
use crate::settings::{Keys, Setting};

const KEYS: Keys = Keys { attribute: "agent", valid: &["observation", "action", "reward", "team"] };

pub fn expand(item: &DeriveInput) -> syn::Result<TokenStream> {
    let library = library()?;
    let name = &item.ident;
    let mut errors = Errors::default();
    if !item.generics.params.is_empty() {
        let message =
            format!("`{name}` is generic, but an agent's name keys its config: make one type per kind of agent");
        errors.report(&item.generics, message);
    }
    let settings = KEYS.settings(&item.attrs, &mut errors);
    let [observation, action, reward] =
        ["observation", "action", "reward"].map(|key| component(key, &settings, item, &mut errors));
    let team = given("team", &settings).map_or_else(|| quote!(#library::NoTeam), |team| quote!(#team));
    errors.finish(quote! {
        #[automatically_derived]
        impl #library::Agent for #name {
            type Observation = #observation;
            type Action = #action;
            type Reward = #reward;
            type Team = #team;
            const NAME: &'static str = ::core::stringify!(#name);
        }
    })
}

/// Returns the type that is given for `key`, or reports that it is missing.
fn component<'a>(
    key: &str,
    settings: &'a [Setting<Type>],
    item: &DeriveInput,
    errors: &mut Errors,
) -> Option<&'a Type> {
    let component = given(key, settings);
    if component.is_none() {
        let message = format!(
            "`{}` has no {key}: add `{key} = …` to `#[agent(observation = …, action = …, reward = …)]`",
            item.ident
        );
        errors.report(&item.ident, message);
    }
    component
}

/// Returns the type that is given for `key`, if there is one.
fn given<'a>(key: &str, settings: &'a [Setting<Type>]) -> Option<&'a Type> {
    settings.iter().find(|setting| setting.key == key).and_then(|setting| setting.value.as_ref())
}
