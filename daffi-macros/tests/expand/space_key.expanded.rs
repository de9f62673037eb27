#[automatically_derived]
#[allow(dead_code)]
impl UserLock {
    ///The key `user`.
    #[must_use]
    const fn user() -> ::daffi::datatypes::space::KeyAttr<Self, String> {
        ::daffi::datatypes::space::KeyAttr::named("user")
    }
}
#[automatically_derived]
impl ::daffi::datatypes::space::Space for UserLock {
    type Key = String;
    fn schema() -> ::core::result::Result<
        ::daffi::datatypes::space::Schema,
        ::daffi::SpaceError,
    > {
        ::daffi::datatypes::space::Schema::builder("user_lock")
            .key("user", <String as ::daffi::datatypes::space::Attributed>::TYPE)
            .build()
    }
    fn key(&self) -> ::daffi::datatypes::space::Value {
        <String as ::daffi::datatypes::space::Attributed>::to_value(&self.user)
    }
    fn fields(&self) -> ::daffi::datatypes::space::Fields {
        let mut fields = ::daffi::datatypes::space::Fields::new();
        fields
    }
    fn from_parts(
        key: &::daffi::datatypes::space::Value,
        fields: &::daffi::datatypes::space::Fields,
    ) -> ::core::result::Result<Self, ::daffi::DataError> {
        let _ = fields;
        ::core::result::Result::Ok(Self {
            user: ::daffi::__private::field(
                ::core::option::Option::Some(key),
                "user",
                (
                    <String as ::daffi::datatypes::space::Attributed>::TYPE,
                    <String as ::daffi::datatypes::space::Attributed>::from_value,
                ),
            )?,
        })
    }
}
