mod an_enum {
    use dictum::prelude::*;

    #[derive(Fields)]
    enum Question {
        Short,
        Long,
    }
}

mod tuple {
    use dictum::prelude::*;

    #[derive(Fields)]
    struct Question(String);
}

mod borrowed {
    use dictum::prelude::*;

    #[derive(Fields)]
    struct Question<'a> {
        text: &'a str,
    }
}

fn main() {}
