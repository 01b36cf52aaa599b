//! `#[derive(Reward)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Expr, Type};

use crate::errors::Errors;
use crate::library::library;
use crate::settings::{Keys, Setting};
use crate::shape::{Field, named_fields};

const KEYS: Keys = Keys { attribute: "reward", valid: &["team"] };

pub fn expand(item: &DeriveInput) -> syn::Result<TokenStream> {
    let library = library()?;
    let mut errors = Errors::default();
    let fields = named_fields(item, "Reward", &mut errors).unwrap_or_default();
    for field in fields.iter().filter(|field| !is_f32(field.ty)) {
        errors.report(field.ty, not_a_number(field));
    }
    let are_shared: Vec<_> = fields.iter().map(|field| is_shared(field, &mut errors)).collect();
    errors.finish(implementation(item, &fields, &are_shared, &library))
}

/// True if a team shares the term, as its attribute says.
fn is_shared(field: &Field, errors: &mut Errors) -> bool {
    let settings = KEYS.settings::<Expr>(field.attributes, errors);
    for Setting { value, .. } in &settings {
        if let Some(value) = value {
            errors.report(value, "`team` has no value: write `#[reward(team)]`");
        }
    }
    !settings.is_empty()
}

fn implementation(item: &DeriveInput, fields: &[Field], are_shared: &[bool], library: &TokenStream) -> TokenStream {
    let name = &item.ident;
    let (impl_generics, type_generics, where_clause) = item.generics.split_for_impl();
    let count = fields.len();
    let indices = 0..count;
    let idents = fields.iter().map(|field| field.ident);
    let names = fields.iter().map(|field| &field.name);
    let docs = fields.iter().map(|field| &field.doc);
    let shared = are_shared.iter().enumerate().filter(|(_, is_shared)| **is_shared).map(|(index, _)| index);
    quote! {
        #[automatically_derived]
        impl #impl_generics #library::Reward for #name #type_generics #where_clause {
            const TERMS: usize = #count;
            const TEAM_TERMS: &'static [usize] = &[#(#shared),*];

            fn terms() -> ::std::vec::Vec<#library::spec::RewardTerm> {
                ::std::vec![#(#library::spec::RewardTerm {
                    name: #names.to_owned(),
                    doc: #docs.to_owned(),
                    is_team: #are_shared,
                }),*]
            }

            #[inline]
            fn take(&mut self, terms: &mut [f32]) {
                let terms = &mut terms[..#count];
                #(terms[#indices] = ::core::mem::take(&mut self.#idents);)*
            }
        }
    }
}

/// True if `ty` is written as `f32`; a derive knows only the spelling of a type.
fn is_f32(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "f32"))
}

fn not_a_number(field: &Field) -> String {
    let (name, ty) = (&field.name, field.type_name());
    format!("`{name}` is `{ty}`, but every term of a reward is weighted and added up: make it `f32`")
}
