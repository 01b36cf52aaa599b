//! `#[derive(Observation)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Expr};

use crate::errors::Errors;
use crate::library::library;
use crate::range::ValueRange;
use crate::settings::{Keys, Setting};
use crate::shape::{Field, Shape, Variant, shape};

const KEYS: Keys = Keys { attribute: "observation", valid: &["range", "critic"] };

/// The settings in a field's attributes.
#[derive(Default)]
struct FieldSettings {
    range: Option<ValueRange>,
    is_critic: bool,
}

pub fn expand(item: &DeriveInput) -> syn::Result<TokenStream> {
    let library = library()?;
    let mut errors = Errors::default();
    let body = match shape(item, "Observation", &mut errors) {
        Some(Shape::Struct(fields)) => struct_body(item, &fields, &library, &mut errors),
        Some(Shape::Enum(variants)) => enum_body(&variants, &library),
        None => TokenStream::new(),
    };
    let name = &item.ident;
    let (impl_generics, type_generics, where_clause) = item.generics.split_for_impl();
    errors.finish(quote! {
        #[automatically_derived]
        impl #impl_generics #library::Observation for #name #type_generics #where_clause { #body }
    })
}

fn struct_body(item: &DeriveInput, fields: &[Field], library: &TokenStream, errors: &mut Errors) -> TokenStream {
    let settings: Vec<_> = fields.iter().map(|field| settings(field, errors)).collect();
    let has_critic_fields = settings.iter().any(|settings| settings.is_critic);
    if settings.iter().all(|settings| settings.is_critic) {
        report_blind_policy(item, errors);
    }
    let checks = settings.iter().filter_map(|settings| settings.range.as_ref()).map(ValueRange::check);
    let types: Vec<_> = fields.iter().map(|field| observation(field, library)).collect();
    let descriptions = fields.iter().zip(&settings).map(|(field, settings)| description(field, settings, library));
    let idents: Vec<_> = fields.iter().map(|field| field.ident).collect();
    quote! {
        const WIDTH: usize = {
            #(#checks)*
            0 #(+ #types::WIDTH)*
        };
        const HAS_BLOCKS: bool = false #(|| #types::HAS_BLOCKS)*;
        const HAS_CRITIC_FIELDS: bool = #has_critic_fields #(|| #types::HAS_CRITIC_FIELDS)*;

        fn fields(name: &str, doc: &str, fields: &mut ::std::vec::Vec<#library::spec::ObservationField>) {
            #(#descriptions)*
        }

        #[inline]
        fn write(&self, row: &mut [f32]) {
            let row = &mut row[..<Self as #library::Observation>::WIDTH];
            #(
                let (columns, row) = row.split_at_mut(#types::WIDTH);
                #types::write(&self.#idents, columns);
            )*
            let _ = row;
        }

        fn overflows(&self, first: usize, report: &mut dyn ::core::ops::FnMut(usize)) {
            if <Self as #library::Observation>::HAS_BLOCKS {
                let mut first = first;
                #(
                    #types::overflows(&self.#idents, first, report);
                    first += #types::WIDTH;
                )*
                let _ = first;
            }
        }
    }
}

fn enum_body(variants: &[Variant], library: &TokenStream) -> TokenStream {
    let count = variants.len();
    let indices = 0..count;
    let idents = variants.iter().map(|variant| variant.ident);
    let names = variants.iter().map(|variant| &variant.name);
    quote! {
        const WIDTH: usize = #count;

        fn fields(name: &str, doc: &str, fields: &mut ::std::vec::Vec<#library::spec::ObservationField>) {
            fields.push(#library::spec::ObservationField {
                name: name.to_owned(),
                doc: doc.to_owned(),
                block: #library::spec::Block::values([#(#names),*]),
                range: ::core::option::Option::Some((0.0, 1.0)),
                kind: #library::spec::ObservationKind::Flag,
                is_critic: false,
            });
        }

        #[inline]
        fn write(&self, row: &mut [f32]) {
            let variant: usize = match self { #(Self::#idents => #indices,)* };
            for (index, column) in row[..#count].iter_mut().enumerate() {
                *column = if index == variant { 1.0 } else { 0.0 };
            }
        }
    }
}

/// Returns what the field's attributes say.
fn settings(field: &Field, errors: &mut Errors) -> FieldSettings {
    let mut settings = FieldSettings::default();
    for Setting { key, value } in KEYS.settings::<Expr>(field.attributes, errors) {
        match (key == "critic", value) {
            (true, None) => settings.is_critic = true,
            (true, Some(value)) => errors.report(&value, "`critic` has no value: write `#[observation(critic)]`"),
            (false, Some(value)) => settings.range = errors.keep(ValueRange::new(&value)),
            (false, None) => errors.report(&key, "`range` needs a value, as in `range = -1.0..=1.0`"),
        }
    }
    settings
}

/// Reports a struct whose fields are all for the critic alone.
fn report_blind_policy(item: &DeriveInput, errors: &mut Errors) {
    let name = &item.ident;
    let message = format!(
        "every field of `{name}` is for the critic alone, so a policy would see nothing: leave one without `critic`, or \
         mark the field that holds a `{name}` instead"
    );
    errors.report(name, message);
}

/// Returns the field's type as an `Observation`. If it isn't one, the compiler's error is shown under the type.
fn observation(field: &Field, library: &TokenStream) -> TokenStream {
    let ty = field.ty;
    quote_spanned!(ty.span()=> <#ty as #library::Observation>)
}

/// Returns a statement that appends the field to the spec.
fn description(field: &Field, settings: &FieldSettings, library: &TokenStream) -> TokenStream {
    let (observation, name) = (observation(field, library), &field.name);
    let doc = if field.doc.is_empty() { quote!(doc) } else { field.doc.to_token_stream() };
    let describe = quote! {
        #observation::fields(&#library::joined(name, #name), #doc, fields);
    };
    let range = settings.range.iter().map(|range| quote!(field.set_range(#range);));
    let critic = settings.is_critic.then(|| quote!(field.is_critic = true;));
    let changes = range.chain(critic).collect::<Vec<_>>();
    if changes.is_empty() {
        return describe;
    }
    quote! {
        let first = fields.len();
        #describe
        for field in &mut fields[first..] {
            #(#changes)*
        }
    }
}
