// What sessions remember beyond transactions, as pgjdbc and its users make use of it: characteristics, schemas, settings,
// locks, temporary tables, notifications; thirty over two servers. Run by tests/test_state_programs.py.

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

class State extends Stage {
    public static void main(String[] args) throws Exception {
        Map<String, Story> tests = new LinkedHashMap<>();
        tests.put("setTransactionIsolation", State::isolation);
        tests.put("setReadOnly for the session", State::readOnly);
        tests.put("setSchema", State::schema);
        for (String mode : List.of("simple", "extended")) {
            tests.put("SET, " + mode, () -> settings(mode));
        }
        tests.put("SET LOCAL", State::local);
        tests.put("locks, as migration tools take them", State::locks);
        tests.put("temporary tables", State::temporary);
        tests.put("notifications", State::notifications);
        runAll(tests);
    }

    static void isolation() throws Exception {
        int[] levels = {Connection.TRANSACTION_SERIALIZABLE, Connection.TRANSACTION_REPEATABLE_READ, Connection.TRANSACTION_READ_COMMITTED};
        String[] names = {"serializable", "repeatable read", "read committed"};
        atOnce((connection, number) -> {
            connection.setTransactionIsolation(levels[number % 3]);
            connection.setAutoCommit(false);
            for (int turn = 0; turn < 5; turn++) {
                same(names[number % 3], value(connection, "show transaction_isolation"));
                connection.commit();
            }
            same(levels[number % 3], connection.getTransactionIsolation());
            connection.commit();
        });
    }

    static void readOnly() throws Exception {
        atOnce((connection, number) -> {
            connection.setReadOnly(number % 2 == 0);
            for (int turn = 0; turn < 5; turn++) {
                same(number % 2 == 0 ? "on" : "off", value(connection, "show transaction_read_only"));
            }
        }, "readOnlyMode", "always");
    }

    static void schema() throws Exception {
        atOnce((connection, number) -> {
            connection.setSchema("schema " + number);
            for (int turn = 0; turn < 5; turn++) same("\"schema " + number + "\"", value(connection, "show search_path"));
        });
    }

    static void settings(String mode) throws Exception {
        atOnce((connection, number) -> {
            run(connection, "set statement_timeout = " + (1001 + number), "set my.tenant to 'tenant " + number + "'");
            try (PreparedStatement set = connection.prepareStatement("select set_config('lock_timeout', ?, false)")) {
                set.setString(1, String.valueOf(2001 + number));
                set.execute();
            }
            for (int turn = 0; turn < 5; turn++) {
                same((1001 + number) + "ms", value(connection, "show statement_timeout"));
                same((2001 + number) + "ms", value(connection, "show lock_timeout"));
                same("tenant " + number, value(connection, "show my.tenant"));
            }
            run(connection, "reset all");
            same("0", value(connection, "show statement_timeout"));
        }, "preferQueryMode", mode);
    }

    static void local() throws Exception {
        atOnce((connection, number) -> {
            connection.setAutoCommit(false);
            for (int turn = 0; turn < 5; turn++) {
                run(connection, "set local my.local = '" + number + "'");
                same(String.valueOf(number), value(connection, "show my.local"));
                connection.commit();
                same("", value(connection, "select coalesce(current_setting('my.local', true), '')"));
                connection.commit();
            }
        });
    }

    static void locks() throws Exception {
        AtomicInteger holders = new AtomicInteger();
        atOnce((connection, number) -> {
            try (PreparedStatement lock = connection.prepareStatement("select pg_try_advisory_lock(?)")) {
                lock.setLong(1, 4715);
                boolean mine = false;
                while (!mine) {
                    try (ResultSet rows = lock.executeQuery()) {
                        rows.next();
                        mine = rows.getBoolean(1);
                    }
                }
            }
            same(1, holders.incrementAndGet());
            for (int turn = 0; turn < 3; turn++) {
                same("1", value(connection, "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"));
            }
            holders.decrementAndGet();
            same("t", value(connection, "select pg_advisory_unlock(4715)"));
        });
    }

    static void temporary() throws Exception {
        atOnce((connection, number) -> {
            run(connection, "create temp table scratch (x int)");
            try (PreparedStatement insert = connection.prepareStatement("insert into scratch values (?)")) {
                for (int x = 0; x <= number; x++) {
                    insert.setInt(1, x);
                    insert.addBatch();
                }
                insert.executeBatch();
            }
            same(String.valueOf(number + 1), value(connection, "select count(*) from scratch"));
            run(connection, "discard temp");
        });
    }

    static void notifications() throws Exception {
        try (Connection listener = connect()) {
            run(listener, "listen news");
            atOnce((connection, number) -> run(connection, "notify news, '" + number + "'"));
            Set<String> heard = new HashSet<>();
            while (heard.size() < CLIENTS) {
                PGNotification[] some = listener.unwrap(PGConnection.class).getNotifications(10_000);
                if (some == null || some.length == 0) throw new AssertionError("heard only " + heard);
                for (PGNotification one : some) heard.add(one.getParameter());
            }
            run(listener, "unlisten *");
        }
    }
}
