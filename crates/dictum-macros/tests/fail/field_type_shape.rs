mod a_union {
    use dictum::prelude::*;

    #[derive(FieldType)]
    union Either {
        a: u8,
        b: u8,
    }
}

mod empty_enum {
    use dictum::prelude::*;

    #[derive(FieldType)]
    enum Nothing {}
}

mod unit_struct {
    use dictum::prelude::*;

    #[derive(FieldType)]
    struct Marker;
}

mod lifetime {
    use dictum::prelude::*;

    #[derive(FieldType)]
    struct Quote<'a> {
        text: &'a str,
    }
}

mod bad_field {
    use dictum::prelude::*;

    #[derive(FieldType)]
    enum Event {
        Moved { by: i128 },
        Said(&'static str),
    }
}

fn main() {}
