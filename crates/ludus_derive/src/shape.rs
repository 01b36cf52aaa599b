//! The shapes of items that the derives take: structs with named fields, and unit enums.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, Ident, Type, Visibility};

use crate::documentation::documentation;
use crate::errors::Errors;

/// The shape of an item.
pub enum Shape<'a> {
    /// A struct's fields, at least one.
    Struct(Vec<Field<'a>>),
    /// A unit enum's variants, at least two.
    Enum(Vec<Variant<'a>>),
}

/// A field of a struct.
pub struct Field<'a> {
    /// The name as it is written in the source.
    pub ident: &'a Ident,
    /// The name in the spec.
    pub name: String,
    pub ty: &'a Type,
    pub doc: String,
    pub visibility: &'a Visibility,
    pub attributes: &'a [syn::Attribute],
}

/// A variant of a unit enum.
pub struct Variant<'a> {
    /// The name as it is written in the source.
    pub ident: &'a Ident,
    /// The name in the spec.
    pub name: String,
}

/// Returns the shape of `item`, which derives `derive`; `None` if it has no valid shape, which is reported.
pub fn shape<'a>(item: &'a DeriveInput, derive: &str, errors: &mut Errors) -> Option<Shape<'a>> {
    match &item.data {
        Data::Struct(data) => fields(item, &data.fields, derive, errors).map(Shape::Struct),
        Data::Enum(data) => variants(item, data, derive, errors).map(Shape::Enum),
        Data::Union(_) => {
            let message = format!("`{derive}` can't be derived for a union: make `{}` a struct", item.ident);
            errors.report(&item.ident, message);
            None
        }
    }
}

/// Returns the fields of `item`, which derives `derive` and has to be a struct.
pub fn named_fields<'a>(item: &'a DeriveInput, derive: &str, errors: &mut Errors) -> Option<Vec<Field<'a>>> {
    let Data::Struct(data) = &item.data else {
        errors.report(&item.ident, format!("`{derive}` needs a struct with named fields: make `{}` one", item.ident));
        return None;
    };
    fields(item, &data.fields, derive, errors)
}

fn fields<'a>(item: &'a DeriveInput, fields: &'a Fields, derive: &str, errors: &mut Errors) -> Option<Vec<Field<'a>>> {
    let name = &item.ident;
    if let Fields::Unnamed(unnamed) = fields {
        let message = format!(
            "`{derive}` takes a field's name into the spec: give the fields of `{name}` names, as in `{{ speed: f32 }}`"
        );
        errors.report(unnamed, message);
        return None;
    }
    if fields.is_empty() {
        errors.report(name, format!("`{name}` has no fields: `{derive}` needs at least one"));
        return None;
    }
    Some(fields.iter().filter_map(Field::new).collect())
}

fn variants<'a>(
    item: &DeriveInput,
    data: &'a syn::DataEnum,
    derive: &str,
    errors: &mut Errors,
) -> Option<Vec<Variant<'a>>> {
    let name = &item.ident;
    for variant in data.variants.iter().filter(|variant| !matches!(variant.fields, Fields::Unit)) {
        let message = format!(
            "`{name}::{}` carries data, but `{derive}` takes only the choice: keep unit variants here, and put the data \
             into fields of a struct beside it",
            variant.ident
        );
        errors.report(variant, message);
    }
    if data.variants.len() < 2 {
        errors.report(name, format!("`{name}` has nothing to tell apart: `{derive}` needs at least two variants"));
        return None;
    }
    Some(data.variants.iter().map(Variant::new).collect())
}

impl<'a> Field<'a> {
    /// Reads a field; `None` if it has no name.
    fn new(field: &'a syn::Field) -> Option<Self> {
        let ident = field.ident.as_ref()?;
        let doc = documentation(&field.attrs);
        Some(Self {
            ident,
            name: ident.unraw().to_string(),
            ty: &field.ty,
            doc,
            visibility: &field.vis,
            attributes: &field.attrs,
        })
    }

    /// Returns the type as it is written, without the spaces between its tokens.
    pub fn type_name(&self) -> String {
        self.ty.to_token_stream().to_string().replace(' ', "")
    }
}

impl<'a> Variant<'a> {
    fn new(variant: &'a syn::Variant) -> Self {
        Self { ident: &variant.ident, name: variant.ident.unraw().to_string() }
    }
}
