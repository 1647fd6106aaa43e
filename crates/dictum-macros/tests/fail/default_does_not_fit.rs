mod breaks_constraint {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Rate {
        #[input]
        review: String,
        #[output(min = 1, max = 5, default = 0)]
        stars: u8,
        #[output(pattern = "^[a-z]+$", default = "N/A")]
        label: String,
    }
}

mod wrong_type {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Rate {
        #[input(default = 3)]
        review: String,
        #[output(default = "3")]
        stars: u8,
        #[output(default = 256)]
        votes: u8,
        #[output(default = "none")]
        reasons: Vec<String>,
    }
}

fn main() {}
