#[automatically_derived]
#[allow(dead_code)]
impl Friend {
    /// By which it is found.
    #[must_use]
    pub(crate) const fn username() -> ::daffi::datatypes::space::KeyAttr<Self, String> {
        ::daffi::datatypes::space::KeyAttr::named("username")
    }
    ///The attribute `first`.
    #[must_use]
    pub(crate) const fn first() -> ::daffi::datatypes::space::Attr<Self, String> {
        ::daffi::datatypes::space::Attr::named("first")
    }
    /// How often it was seen.
    #[must_use]
    pub(crate) const fn views() -> ::daffi::datatypes::space::Attr<Self, i64> {
        ::daffi::datatypes::space::Attr::named("views")
    }
    ///The attribute `type`.
    #[must_use]
    pub(crate) const fn r#type() -> ::daffi::datatypes::space::Attr<
        Self,
        BTreeSet<String>,
    > {
        ::daffi::datatypes::space::Attr::named("type")
    }
}
#[automatically_derived]
impl ::daffi::datatypes::space::Space for Friend {
    type Key = String;
    fn schema() -> ::core::result::Result<
        ::daffi::datatypes::space::Schema,
        ::daffi::SpaceError,
    > {
        ::daffi::datatypes::space::Schema::builder("friends")
            .key("username", <String as ::daffi::datatypes::space::Attributed>::TYPE)
            .attribute("first", <String as ::daffi::datatypes::space::Attributed>::TYPE)
            .attribute("views", <i64 as ::daffi::datatypes::space::Attributed>::TYPE)
            .attribute(
                "type",
                <BTreeSet<String> as ::daffi::datatypes::space::Attributed>::TYPE,
            )
            .subspace(["first"])
            .index("first")
            .index("views")
            .tolerate(2)
            .partitions(64)
            .build()
    }
    fn key(&self) -> ::daffi::datatypes::space::Value {
        <String as ::daffi::datatypes::space::Attributed>::to_value(&self.username)
    }
    fn fields(&self) -> ::daffi::datatypes::space::Fields {
        let mut fields = ::daffi::datatypes::space::Fields::new();
        fields
            .insert(
                "first",
                <String as ::daffi::datatypes::space::Attributed>::to_value(&self.first),
            );
        fields
            .insert(
                "views",
                <i64 as ::daffi::datatypes::space::Attributed>::to_value(&self.views),
            );
        fields
            .insert(
                "type",
                <BTreeSet<
                    String,
                > as ::daffi::datatypes::space::Attributed>::to_value(&self.r#type),
            );
        fields
    }
    fn from_parts(
        key: &::daffi::datatypes::space::Value,
        fields: &::daffi::datatypes::space::Fields,
    ) -> ::core::result::Result<Self, ::daffi::DataError> {
        let _ = fields;
        ::core::result::Result::Ok(Self {
            username: ::daffi::__private::field(
                ::core::option::Option::Some(key),
                "username",
                (
                    <String as ::daffi::datatypes::space::Attributed>::TYPE,
                    <String as ::daffi::datatypes::space::Attributed>::from_value,
                ),
            )?,
            first: ::daffi::__private::field(
                fields.get("first"),
                "first",
                (
                    <String as ::daffi::datatypes::space::Attributed>::TYPE,
                    <String as ::daffi::datatypes::space::Attributed>::from_value,
                ),
            )?,
            views: ::daffi::__private::field(
                fields.get("views"),
                "views",
                (
                    <i64 as ::daffi::datatypes::space::Attributed>::TYPE,
                    <i64 as ::daffi::datatypes::space::Attributed>::from_value,
                ),
            )?,
            r#type: ::daffi::__private::field(
                fields.get("type"),
                "type",
                (
                    <BTreeSet<String> as ::daffi::datatypes::space::Attributed>::TYPE,
                    <BTreeSet<
                        String,
                    > as ::daffi::datatypes::space::Attributed>::from_value,
                ),
            )?,
        })
    }
}
