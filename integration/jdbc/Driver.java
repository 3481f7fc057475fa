// pgjdbc through TLS and SCRAM: thirty connections over two servers, in every way of preparing, with batches, cursors and
// savepoints of its own. Run by tests/test_jdbc.py, which sets PGHOST and the rest, and CA.

import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

class Driver extends Stage {
    public static void main(String[] args) throws Exception {
        Map<String, Story> tests = new LinkedHashMap<>();
        tests.put("TLS and SCRAM", Driver::tls);
        for (String threshold : List.of("1", "5", "0", "-1")) {
            tests.put("prepareThreshold " + threshold, () -> statements("prepareThreshold", threshold));
        }
        for (String mode : List.of("simple", "extended", "extendedForPrepared", "extendedCacheEverything")) {
            tests.put("preferQueryMode " + mode, () -> statements("preferQueryMode", mode));
        }
        for (String autosave : List.of("never", "conservative", "always")) {
            tests.put("autosave " + autosave, () -> autosave(autosave));
        }
        tests.put("transactions stay on one server", Driver::transactions);
        tests.put("savepoints", Driver::savepoints);
        tests.put("batches", Driver::batches);
        tests.put("a batch with an error", Driver::brokenBatch);
        tests.put("rewritten batches and generated keys", Driver::rewritten);
        tests.put("fetch size", Driver::fetchSize);
        tests.put("large objects", Bulk::largeObjects);
        tests.put("COPY", Bulk::copy);
        tests.put("a cancel by query timeout", Driver::cancel);
        tests.put("an error, and the connection goes on", Driver::errors);
        tests.put("SET of a reported parameter", Driver::reported);
        tests.put("options at startup", Driver::options);
        tests.put("a statement whose table changes", Driver::changedTable);
        tests.put("deallocation by the cache", Driver::smallCache);
        runAll(tests);
    }

    static void tls() throws Exception {
        try (Connection connection = connect()) {
            same("t", value(connection, "select ssl from pg_stat_ssl where pid = pg_backend_pid()"));
        }
    }

    static void statements(String setting, String chosen) throws Exception {
        atOnce((connection, number) -> {
            try (PreparedStatement same = connection.prepareStatement("select ? * 2");
                    PreparedStatement own = connection.prepareStatement("select ? || '/" + number + "'")) {
                for (int turn = 0; turn < 12; turn++) {
                    same.setInt(1, turn);
                    own.setString(1, "turn " + turn);
                    try (ResultSet rows = same.executeQuery()) {
                        rows.next();
                        same(turn * 2, rows.getInt(1));
                    }
                    try (ResultSet rows = own.executeQuery()) {
                        rows.next();
                        same("turn " + turn + "/" + number, rows.getString(1));
                    }
                }
            }
        }, setting, chosen);
    }

    static void autosave(String autosave) throws Exception {
        newTable("j_autosave", "who int primary key");
        atOnce((connection, number) -> {
            connection.setAutoCommit(false);
            run(connection, "insert into j_autosave values (" + number + ")");
            fails("23505", () -> run(connection, "insert into j_autosave values (" + number + ")"));
            if (autosave.equals("always")) {
                run(connection, "insert into j_autosave values (" + (1000 + number) + ")");
            } else {
                fails("25P02", () -> run(connection, "select 1"));
                connection.rollback();
                run(connection, "insert into j_autosave values (" + number + "), (" + (1000 + number) + ")");
            }
            connection.commit();
        }, "autosave", autosave);
        try (Connection connection = connect()) {
            same(String.valueOf(2 * CLIENTS), value(connection, "select count(*) from j_autosave"));
        }
    }

    static void transactions() throws Exception {
        newTable("j_tx", "who int, turn int");
        atOnce((connection, number) -> {
            connection.setAutoCommit(false);
            for (int turn = 0; turn < 10; turn++) {
                String first = value(connection, "select pg_backend_pid()");
                run(connection, "insert into j_tx values (" + number + ", " + turn + ")");
                same(first, value(connection, "select pg_backend_pid()"));
                if (turn % 2 == 0) connection.commit();
                else connection.rollback();
            }
            same("5", value(connection, "select count(*) from j_tx where who = " + number));
            connection.commit();
        });
    }

    static void savepoints() throws Exception {
        newTable("j_save", "x int");
        try (Connection connection = connect()) {
            connection.setAutoCommit(false);
            run(connection, "insert into j_save values (1)");
            Savepoint savepoint = connection.setSavepoint("named");
            fails("22012", () -> run(connection, "insert into j_save values (1 / 0)"));
            connection.rollback(savepoint);
            connection.releaseSavepoint(connection.setSavepoint());
            run(connection, "insert into j_save values (3)");
            connection.commit();
            same("{1,3}", value(connection, "select array_agg(x order by x) from j_save"));
            connection.commit();
        }
    }

    static void batches() throws Exception {
        newTable("j_batch", "who int, x int");
        atOnce((connection, number) -> {
            try (PreparedStatement insert = connection.prepareStatement("insert into j_batch values (?, ?)")) {
                for (int round = 0; round < 3; round++) {
                    for (int x = 0; x < 500; x++) {
                        insert.setInt(1, number);
                        insert.setInt(2, x);
                        insert.addBatch();
                    }
                    int[] counts = insert.executeBatch();
                    same(500, Arrays.stream(counts).sum());
                }
            }
            same("1500", value(connection, "select count(*) from j_batch where who = " + number));
        });
    }

    static void brokenBatch() throws Exception {
        newTable("j_broken", "x int primary key");
        atOnce((connection, number) -> {
            try (PreparedStatement insert = connection.prepareStatement("insert into j_broken values (?)")) {
                for (int x : new int[] {1, 2, 1, 3}) {
                    insert.setInt(1, 10 * number + x);
                    insert.addBatch();
                }
                try {
                    insert.executeBatch();
                    throw new AssertionError("no error in the batch");
                } catch (BatchUpdateException failure) {
                    same("23505", failure.getSQLState());
                }
                insert.setInt(1, 10 * number + 5);
                same(1, insert.executeUpdate());
            }
        });
        try (Connection connection = connect()) {
            // One batch is one implicit transaction: nothing but what came after it is left.
            same(String.valueOf(CLIENTS), value(connection, "select count(*) from j_broken"));
        }
    }

    static void rewritten() throws Exception {
        newTable("j_keys", "id serial, x int");
        atOnce((connection, number) -> {
            String sql = "insert into j_keys (x) values (?)";
            try (PreparedStatement insert = connection.prepareStatement(sql, Statement.RETURN_GENERATED_KEYS)) {
                for (int x = 0; x < 100; x++) {
                    insert.setInt(1, x);
                    insert.addBatch();
                }
                insert.executeBatch();
                int keys = 0;
                try (ResultSet rows = insert.getGeneratedKeys()) {
                    while (rows.next()) keys++;
                }
                same(100, keys);
            }
        }, "reWriteBatchedInserts", "true");
    }

    static void fetchSize() throws Exception {
        atOnce((connection, number) -> {
            connection.setAutoCommit(false);
            try (PreparedStatement select = connection.prepareStatement("select x + ? from generate_series(1, 1000) x")) {
                select.setFetchSize(60);
                for (int turn = 0; turn < 6; turn++) {
                    select.setInt(1, number);
                    int expected = number;
                    try (ResultSet rows = select.executeQuery()) {
                        while (rows.next()) same(++expected, rows.getInt(1));
                    }
                    same(1000 + number, expected);
                    connection.commit();
                }
            }
        }, "defaultRowFetchSize", "100");
    }

    static void cancel() throws Exception {
        try (Connection connection = connect(); Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            fails("57014", () -> statement.execute("select pg_sleep(30)"));
            same("1", value(connection, "select 1"));
        }
    }

    static void errors() throws Exception {
        atOnce((connection, number) -> {
            fails("22012", () -> value(connection, "select 1 / 0"));
            fails("42P01", () -> value(connection, "select * from nowhere"));
            fails("42601", () -> value(connection, "selekt"));
            same(String.valueOf(number), value(connection, "select " + number));
            run(connection, "select 1; select 2; select 3");
        });
    }

    static void reported() throws Exception {
        atOnce((connection, number) -> {
            run(connection, "set application_name = 'client " + number + "'");
            connection.setReadOnly(number % 2 == 0);
            for (int turn = 0; turn < 5; turn++) {
                same("client " + number, value(connection, "show application_name"));
            }
            connection.setAutoCommit(false);
            same(number % 2 == 0 ? "on" : "off", value(connection, "show transaction_read_only"));
            connection.commit();
        });
    }

    static void options() throws Exception {
        atOnce((connection, number) -> {
            for (int turn = 0; turn < 5; turn++) {
                same("4321ms", value(connection, "show statement_timeout"));
                same("j_schema", value(connection, "show search_path"));
            }
        }, "options", "-c statement_timeout=4321", "currentSchema", "j_schema");
    }

    /** pgjdbc heals what Postgres says of a changed plan, if not in a transaction, or with autosave. */
    static void changedTable() throws Exception {
        newTable("j_changed", "x int");
        try (Connection connection = connect("prepareThreshold", "1", "autosave", "conservative"); Connection other = connect()) {
            run(other, "insert into j_changed values (1)");
            try (PreparedStatement select = connection.prepareStatement("select * from j_changed")) {
                for (int columns = 1; columns < 5; columns++) {
                    for (int turn = 0; turn < 6; turn++) {
                        connection.setAutoCommit(turn % 2 == 0);
                        try (ResultSet rows = select.executeQuery()) {
                            rows.next();
                            same(columns, rows.getMetaData().getColumnCount());
                        }
                        if (turn % 2 == 1) connection.commit();
                    }
                    run(other, "alter table j_changed add column y" + columns + " int default 2");
                }
            }
        }
    }

    static void smallCache() throws Exception {
        atOnce((connection, number) -> {
            for (int round = 0; round < 2; round++) {
                for (int i = 0; i < 40; i++) {
                    try (PreparedStatement one = connection.prepareStatement("select ? + " + (number * 100 + i))) {
                        one.setInt(1, 1);
                        try (ResultSet rows = one.executeQuery()) {
                            rows.next();
                            same(number * 100 + i + 1, rows.getInt(1));
                        }
                    }
                }
            }
        }, "prepareThreshold", "1", "preparedStatementCacheQueries", "10");
    }
}
