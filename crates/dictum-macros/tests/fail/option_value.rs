mod without_value {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Rate {
        #[output(min)]
        stars: u8,
    }
}

mod twice {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Rate {
        #[output(min = 1, min = 2)]
        stars: u8,
    }
}

mod not_a_number {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Rate {
        #[output(max = "5")]
        stars: u8,
        #[output(max_length = -1)]
        reason: String,
        #[output(desc = 5)]
        label: String,
    }
}

fn main() {}
