//! `#[derive(EpisodeParameters)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Expr};

use crate::errors::Errors;
use crate::library::library;
use crate::range::ValueRange;
use crate::settings::Keys;
use crate::shape::{Field, named_fields};

const KEYS: Keys = Keys { attribute: "parameter", valid: &["range"] };

pub fn expand(item: &DeriveInput) -> syn::Result<TokenStream> {
    let library = library()?;
    let mut errors = Errors::default();
    if !item.generics.params.is_empty() {
        let name = &item.ident;
        let message = format!("`{name}` is generic, but its name is in configs: make one type per set of parameters");
        errors.report(&item.generics, message);
    }
    let fields = named_fields(item, "EpisodeParameters", &mut errors).unwrap_or_default();
    let ranges: Vec<_> = fields.iter().map(|field| range(field, &mut errors)).collect();
    errors.finish(implementation(item, &fields, &ranges, &library))
}

fn implementation(
    item: &DeriveInput,
    fields: &[Field],
    ranges: &[Option<ValueRange>],
    library: &TokenStream,
) -> TokenStream {
    let name = &item.ident;
    let count = fields.len();
    let indices: Vec<_> = (0..count).collect();
    let idents: Vec<_> = fields.iter().map(|field| field.ident).collect();
    let values: Vec<_> = fields.iter().map(|field| value(field, library)).collect();
    let names = fields.iter().map(|field| &field.name);
    let docs = fields.iter().map(|field| &field.doc);
    let checks = ranges.iter().flatten().map(ValueRange::check);
    let ranges = ranges.iter().map(|range| match range {
        Some(range) => quote!(::core::option::Option::Some(#range)),
        None => quote!(::core::option::Option::None),
    });
    quote! {
        #[automatically_derived]
        impl #library::EpisodeParameters for #name {
            const NAME: &'static str = ::core::stringify!(#name);
            const COUNT: usize = {
                #(#checks)*
                #count
            };

            fn parameters() -> ::std::vec::Vec<#library::spec::EpisodeParameter> {
                let default = <Self as ::core::default::Default>::default();
                ::std::vec![#(#library::spec::EpisodeParameter {
                    name: #library::joined(::core::stringify!(#name), #names),
                    doc: #docs.to_owned(),
                    range: #ranges,
                    default: #values::number(&default.#idents),
                }),*]
            }

            fn read(&mut self, values: &[f32]) {
                #(self.#idents = #values::from_number(values[#indices]);)*
            }

            fn write(&self, values: &mut [f32]) {
                #(values[#indices] = #values::number(&self.#idents);)*
            }
        }
    }
}

/// Returns the range that the field's attribute states.
fn range(field: &Field, errors: &mut Errors) -> Option<ValueRange> {
    let setting = KEYS.settings::<Expr>(field.attributes, errors).pop()?;
    let Some(value) = setting.value else {
        errors.report(&setting.key, "`range` needs a value, as in `range = 0.0..=4.0`");
        return None;
    };
    errors.keep(ValueRange::new(&value))
}

/// Returns the field's type as a `ParameterValue`. If it isn't one, the compiler's error is shown under the type.
fn value(field: &Field, library: &TokenStream) -> TokenStream {
    let ty = field.ty;
    quote_spanned!(ty.span()=> <#ty as #library::ParameterValue>)
}
