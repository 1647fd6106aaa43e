mod not_a_field_type {
    use dictum::prelude::*;

    struct Meters(f64);

    #[derive(Signature)]
    struct Measure {
        #[input]
        text: String,
        #[output]
        height: Meters,
    }
}

mod of_another_crate {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Wait {
        #[input]
        text: String,
        #[output]
        until: std::time::Instant,
    }
}

fn main() {}
