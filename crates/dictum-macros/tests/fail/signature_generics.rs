mod lifetime {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Ask<'a> {
        #[input]
        question: &'a str,
        #[output]
        answer: String,
    }
}

mod generic {
    use dictum::prelude::*;

    #[derive(Signature)]
    struct Ask<T> {
        #[input]
        question: T,
        #[output]
        answer: String,
    }
}

fn main() {}
