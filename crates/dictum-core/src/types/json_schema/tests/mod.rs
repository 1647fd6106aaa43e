mod foreign;
mod rust_types;

use proptest::prelude::*;

use crate::types::{Schema, arbitrary};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn what_is_written_reads_back_the_same(schema in arbitrary::schema()) {
        let written = schema.to_json_schema();
        let read = Schema::from_json_schema(&written);
        let again = read.to_json_schema();
        prop_assert!(read == schema, "{written:#}\nreads as\n{again:#}");
    }
}
