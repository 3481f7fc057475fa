//! Numbers that stand for columns.

use super::{other, reads, same};

#[test]
fn numbers_of_columns_are_no_values() {
    other(&[
        "select a, b from t order by 1",
        "select a, b from t order by 2",
        "select a, b from t order by 1, 2",
        "select a, b from t order by 2 desc, 1",
        "select a, b from t group by 1, 2",
        "select a, b from t group by 2, 1",
    ]);
    reads("select a, b from t where c = 5 group by 1, 2 having b > 6 order by 2, 1 limit 3", "Select p [0 0]");
    reads("select a from (select b, 7 from t order by 1) x, u where x.a = 8", "Select [0 0]");
    same(&["select a from t group by 1 union select 5", "select a from t group by 1 union select 6"]);
    same(&["select a from t order by 1 limit 5", "select a from t order by 1 limit 6"]);
    same(&["select f(a, 5) from t order by g(a, 5), 1", "select f(a, 6) from t order by g(a, 6), 1"]);
    same(&["alter sequence s increment by 5", "alter sequence s increment by 6"]);
    same(&["select a from t order by 5 * a, b", "select a from t order by 6 * a, b"]);
    same(&[
        "insert into t select a from u group by a returning b, 5",
        "insert into t select a from u group by a returning b, 6",
    ]);
    other(&[
        "with x as (select a, b from t order by 1) select 1 from x",
        "with x as (select a, b from t order by 2) select 1 from x",
    ]);
}
