mod bad_pattern {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Find {
        #[input]
        text: String,
        #[output(pattern = "([a-z]+")]
        word: String,
    }
}

mod bad_step {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Price {
        #[input]
        text: String,
        #[output(multiple_of = 0)]
        cents: u32,
    }
}

mod beyond_type {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Rate {
        #[output(max = 300)]
        stars: u8,
        #[output(min = -1)]
        votes: u32,
        #[output(min = 0.5)]
        rank: i32,
    }
}

fn main() {}
