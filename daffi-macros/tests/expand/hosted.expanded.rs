impl Board {
    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_value,
        clippy::unused_async
    )]
    #[allow(unreachable_pub)]
    /// Pins a note, and says how many there are.
    pub fn pin(&mut self, turn: &mut Turn<'_>, note: String) -> Result<u64, Full> {
        self.put(turn, note)
    }
    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_value,
        clippy::unused_async
    )]
    #[allow(unreachable_pub)]
    /// Takes the first note.
    pub fn take_first(&mut self) -> Poll<Result<String, Full>> {
        self.next()
    }
    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_value,
        clippy::unused_async
    )]
    #[allow(unreachable_pub)]
    pub fn next_of(
        &mut self,
        turn: &mut Turn<'_>,
        seen: u64,
        author: &str,
    ) -> Poll<String> {
        self.of(turn, seen, author)
    }
    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_value,
        clippy::unused_async
    )]
    #[allow(unreachable_pub)]
    pub fn notes(&self, turn: &Turn<'_>) -> Vec<String> {
        self.all(turn)
    }
    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_value,
        clippy::unused_async
    )]
    #[allow(unreachable_pub)]
    #[cfg(feature = "shouts")]
    pub fn shout(&self, turn: &mut Turn<'_>, text: Value) {
        turn.publish("", text);
    }
    #[allow(unreachable_pub)]
    pub fn here(&self) {}
    fn put(&mut self, turn: &mut Turn<'_>, note: String) -> Result<u64, Full> {
        todo(note)
    }
}
#[allow(
    deprecated,
    missing_copy_implementations,
    missing_debug_implementations,
    non_camel_case_types,
    unnameable_types,
    unreachable_pub,
    unused,
    unused_qualifications,
    clippy::all,
    clippy::nursery,
    clippy::pedantic,
    rustdoc::private_doc_tests,
)]
const _: () = {
    #[automatically_derived]
    impl ::daffi::__private::hosted::Methods for Board {
        const KIND: &'static ::core::primitive::str = "board";
        const METHODS: &'static [::daffi::__private::hosted::Method<Self>] = &[
            ::daffi::__private::hosted::Method {
                name: "pin",
                parameters: &[("note", "String")],
                result: "u64",
                doc: "Pins a note, and says how many there are.",
                line: ::core::option::Option::None,
                run: ::daffi::__private::hosted::Run::Write(|
                    __daffi_state,
                    __daffi_turn,
                    __daffi_arguments,
                    __daffi_out|
                {
                    let note: String = __daffi_arguments.take("note")?;
                    __daffi_arguments.end()?;
                    let __daffi_value = <Board>::pin(__daffi_state, __daffi_turn, note);
                    match __daffi_value {
                        ::core::result::Result::Ok(__daffi_value) => {
                            ::daffi::__private::hosted::put_value(
                                __daffi_out,
                                &__daffi_value,
                            )
                        }
                        ::core::result::Result::Err(__daffi_error) => {
                            ::core::result::Result::Err(
                                ::daffi::__private::hosted::Stop::refused(&__daffi_error),
                            )
                        }
                    }
                }),
            },
            ::daffi::__private::hosted::Method {
                name: "take",
                parameters: &[],
                result: "String",
                doc: "Takes the first note.",
                line: ::core::option::Option::Some(
                    ::daffi::__private::hosted::Line::One(1u8),
                ),
                run: ::daffi::__private::hosted::Run::Shrink(|
                    __daffi_state,
                    __daffi_turn,
                    __daffi_arguments,
                    __daffi_out|
                {
                    __daffi_arguments.end()?;
                    let __daffi_value = <Board>::take_first(__daffi_state);
                    match __daffi_value {
                        ::core::task::Poll::Ready(__daffi_value) => {
                            match __daffi_value {
                                ::core::result::Result::Ok(__daffi_value) => {
                                    ::daffi::__private::hosted::put_value(
                                        __daffi_out,
                                        &__daffi_value,
                                    )
                                }
                                ::core::result::Result::Err(__daffi_error) => {
                                    ::core::result::Result::Err(
                                        ::daffi::__private::hosted::Stop::refused(&__daffi_error),
                                    )
                                }
                            }
                        }
                        ::core::task::Poll::Pending => {
                            ::core::result::Result::Err(
                                ::daffi::__private::hosted::Stop::Parked,
                            )
                        }
                    }
                }),
            },
            ::daffi::__private::hosted::Method {
                name: "next_of",
                parameters: &[("seen", "u64"), ("author", "&str")],
                result: "String",
                doc: "",
                line: ::core::option::Option::Some(
                    ::daffi::__private::hosted::Line::Each(1u8),
                ),
                run: ::daffi::__private::hosted::Run::Write(|
                    __daffi_state,
                    __daffi_turn,
                    __daffi_arguments,
                    __daffi_out|
                {
                    let seen: u64 = __daffi_arguments.take("seen")?;
                    let author: &str = __daffi_arguments.text("author")?;
                    __daffi_arguments.end()?;
                    let __daffi_value = <Board>::next_of(
                        __daffi_state,
                        __daffi_turn,
                        seen,
                        author,
                    );
                    match __daffi_value {
                        ::core::task::Poll::Ready(__daffi_value) => {
                            ::daffi::__private::hosted::put_value(
                                __daffi_out,
                                &__daffi_value,
                            )
                        }
                        ::core::task::Poll::Pending => {
                            ::core::result::Result::Err(
                                ::daffi::__private::hosted::Stop::Parked,
                            )
                        }
                    }
                }),
            },
            ::daffi::__private::hosted::Method {
                name: "notes",
                parameters: &[],
                result: "Vec<String>",
                doc: "",
                line: ::core::option::Option::None,
                run: ::daffi::__private::hosted::Run::Read(|
                    __daffi_state,
                    __daffi_turn,
                    __daffi_arguments,
                    __daffi_out|
                {
                    __daffi_arguments.end()?;
                    let __daffi_value = <Board>::notes(__daffi_state, __daffi_turn);
                    ::daffi::__private::hosted::put_value(__daffi_out, &__daffi_value)
                }),
            },
            #[cfg(feature = "shouts")]
            ::daffi::__private::hosted::Method {
                name: "shout",
                parameters: &[("text", "Value")],
                result: "()",
                doc: "",
                line: ::core::option::Option::None,
                run: ::daffi::__private::hosted::Run::Publish(|
                    __daffi_state,
                    __daffi_turn,
                    __daffi_arguments,
                    __daffi_out|
                {
                    let text: Value = __daffi_arguments.take("text")?;
                    __daffi_arguments.end()?;
                    let __daffi_value = <Board>::shout(
                        __daffi_state,
                        __daffi_turn,
                        text,
                    );
                    ::daffi::__private::hosted::put_value(__daffi_out, &__daffi_value)
                }),
            },
        ];
    }
    ::daffi::__private::inventory::submit! {
        ::daffi::__private::hosted::Inventory { kind :
        ::daffi::__private::hosted::ObjectKind::of:: < Board >, }
    }
    /// A `Board` that the controller keeps, by its name.
    #[derive(::core::clone::Clone)]
    pub struct __DaffiObject {
        object: ::daffi::__private::hosted::Object,
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for __DaffiObject {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_tuple("Object<Board>").field(&self.object.name()).finish()
        }
    }
    #[automatically_derived]
    impl __DaffiObject {
        /// Pins a note, and says how many there are.
        pub fn pin(&self, note: String) -> ::daffi::__private::hosted::Operation<u64> {
            ::daffi::__private::hosted::Operation::at_once(
                &self.object,
                "daffi.board.pin",
                &(self.object.name(), &note),
            )
        }
        /// Takes the first note.
        pub fn take_first(&self) -> ::daffi::__private::hosted::Operation<String> {
            ::daffi::__private::hosted::Operation::waiting(
                &self.object,
                "daffi.board.take",
                &(self.object.name(),),
            )
        }
        pub fn next_of(
            &self,
            seen: u64,
            author: &str,
        ) -> ::daffi::__private::hosted::Operation<String> {
            ::daffi::__private::hosted::Operation::waiting(
                &self.object,
                "daffi.board.next_of",
                &(self.object.name(), &seen, &author),
            )
        }
        pub fn notes(&self) -> ::daffi::__private::hosted::Operation<Vec<String>> {
            ::daffi::__private::hosted::Operation::at_once(
                &self.object,
                "daffi.board.notes",
                &(self.object.name(),),
            )
        }
        #[cfg(feature = "shouts")]
        pub fn shout(&self, text: Value) -> ::daffi::__private::hosted::Operation<()> {
            ::daffi::__private::hosted::Operation::at_once(
                &self.object,
                "daffi.board.shout",
                &(self.object.name(), &text),
            )
        }
    }
    #[automatically_derived]
    impl ::core::ops::Deref for __DaffiObject {
        type Target = ::daffi::__private::hosted::Object;
        fn deref(&self) -> &Self::Target {
            &self.object
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::hosted::Kept for Board {
        type Client = __DaffiObject;
        fn client(object: ::daffi::__private::hosted::Object) -> __DaffiObject {
            __DaffiObject { object }
        }
    }
};
