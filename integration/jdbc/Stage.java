// What the tests share: connections through TLS and SCRAM, everyone at once, what must be so, and the count at the end.

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

class Stage {
    static final int CLIENTS = 30;

    interface Story {
        void tell() throws Exception;
    }

    interface Work {
        void with(Connection connection, int number) throws Exception;
    }

    static void runAll(Map<String, Story> tests) {
        int passed = 0;
        long start = System.nanoTime();
        for (Map.Entry<String, Story> test : tests.entrySet()) {
            try {
                test.getValue().tell();
                passed++;
                System.out.printf("ok      %s, after %.1f s%n", test.getKey(), (System.nanoTime() - start) / 1e9);
            } catch (Throwable failure) {
                System.out.println("FAILED  " + test.getKey());
                failure.printStackTrace(System.out);
            }
        }
        System.out.println("passed " + passed + " of " + tests.size());
        System.exit(passed == tests.size() ? 0 : 1);
    }

    static Connection connect(String... more) throws SQLException {
        Properties settings = new Properties();
        settings.put("user", System.getenv("PGUSER"));
        settings.put("password", System.getenv("PGPASSWORD"));
        settings.put("sslmode", "verify-full");
        settings.put("sslrootcert", System.getenv("CA"));
        for (int i = 0; i < more.length; i += 2) settings.put(more[i], more[i + 1]);
        String place = System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
        return DriverManager.getConnection("jdbc:postgresql://" + place, settings);
    }

    /** Everyone connects, and once all are there they work, each in a thread of its own. */
    static void atOnce(Work work, String... more) throws Exception {
        ExecutorService crowd = Executors.newFixedThreadPool(CLIENTS);
        CyclicBarrier everyone = new CyclicBarrier(CLIENTS);
        List<Future<?>> running = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
            int number = i;
            running.add(crowd.submit(() -> {
                try (Connection connection = connect(more)) {
                    everyone.await(30, TimeUnit.SECONDS);
                    work.with(connection, number);
                }
                return null;
            }));
        }
        crowd.shutdown();
        for (Future<?> one : running) one.get(60, TimeUnit.SECONDS);
    }

    static void same(Object expected, Object found) {
        if (!expected.equals(found)) throw new AssertionError("expected " + expected + ", found " + found);
    }

    static void fails(String state, Story story) throws Exception {
        try {
            story.tell();
        } catch (SQLException failure) {
            same(state, failure.getSQLState());
            return;
        }
        throw new AssertionError("no error " + state);
    }

    static void run(Connection connection, String... all) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String sql : all) statement.execute(sql);
        }
    }

    static String value(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        }
    }

    static void newTable(String name, String columns) throws SQLException {
        try (Connection connection = connect()) {
            run(connection, "drop table if exists " + name, "create table " + name + " (" + columns + ")");
        }
    }
}
