//! `#[derive(Observation)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Expr};

use crate::errors::Errors;
use crate::library::library;
use crate::range::ValueRange;
use crate::settings::Keys;
use crate::shape::{Field, Shape, Variant, shape};

const KEYS: Keys = Keys { attribute: "observation", valid: &["range"] };

pub fn expand(item: &DeriveInput) -> syn::Result<TokenStream> {
    let library = library()?;
    let mut errors = Errors::default();
    let body = match shape(item, "Observation", &mut errors) {
        Some(Shape::Struct(fields)) => struct_body(&fields, &library, &mut errors),
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

fn struct_body(fields: &[Field], library: &TokenStream, errors: &mut Errors) -> TokenStream {
    let ranges: Vec<_> = fields.iter().map(|field| range(field, errors)).collect();
    let checks = ranges.iter().flatten().map(ValueRange::check);
    let types: Vec<_> = fields.iter().map(|field| observation(field, library)).collect();
    let descriptions = fields.iter().zip(&ranges).map(|(field, range)| description(field, range.as_ref(), library));
    let idents: Vec<_> = fields.iter().map(|field| field.ident).collect();
    quote! {
        const WIDTH: usize = {
            #(#checks)*
            0 #(+ #types::WIDTH)*
        };
        const HAS_BLOCKS: bool = false #(|| #types::HAS_BLOCKS)*;

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

/// Returns the range that the field's attribute states.
fn range(field: &Field, errors: &mut Errors) -> Option<ValueRange> {
    let setting = KEYS.settings::<Expr>(field.attributes, errors).pop()?;
    let Some(value) = setting.value else {
        errors.report(&setting.key, "`range` needs a value, as in `range = -1.0..=1.0`");
        return None;
    };
    errors.keep(ValueRange::new(&value))
}

/// Returns the field's type as an `Observation`. If it isn't one, the compiler's error is shown under the type.
fn observation(field: &Field, library: &TokenStream) -> TokenStream {
    let ty = field.ty;
    quote_spanned!(ty.span()=> <#ty as #library::Observation>)
}

/// Returns a statement that appends the field to the spec.
fn description(field: &Field, range: Option<&ValueRange>, library: &TokenStream) -> TokenStream {
    let (observation, name) = (observation(field, library), &field.name);
    let doc = if field.doc.is_empty() { quote!(doc) } else { field.doc.to_token_stream() };
    let describe = quote! {
        #observation::fields(&#library::joined(name, #name), #doc, fields);
    };
    let Some(range) = range else { return describe };
    quote! {
        let first = fields.len();
        #describe
        for field in &mut fields[first..] {
            field.set_range(#range);
        }
    }
}
