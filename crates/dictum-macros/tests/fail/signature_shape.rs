mod an_enum {
    use dictum::prelude::*;

    #[derive(Signature)]
    enum Team {
        Billing,
        Sales,
    }
}

mod a_union {
    use dictum::prelude::*;

    #[derive(Signature)]
    union Answer {
        text: u8,
        number: u8,
    }
}

mod tuple {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Ask(String, String);
}

mod unit {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Ask;
}

mod empty {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Ask {}
}

mod no_output {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Ask {
        #[input]
        question: String,
        #[input]
        answer: String,
    }
}

fn main() {}
