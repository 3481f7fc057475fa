// What does not go by rows: large objects and COPY.

import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.util.Arrays;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

class Bulk extends Stage {
    /** The large object API is FunctionCalls of the protocol. */
    static void largeObjects() throws Exception {
        byte[] content = new byte[1_000_000];
        for (int i = 0; i < content.length; i++) content[i] = (byte) (i * 31);
        atOnce((connection, number) -> {
            connection.setAutoCommit(false);
            LargeObjectManager objects = connection.unwrap(PGConnection.class).getLargeObjectAPI();
            long oid = objects.createLO(LargeObjectManager.READWRITE);
            try (LargeObject object = objects.open(oid, LargeObjectManager.WRITE)) {
                object.write(content);
                object.write(new byte[] {(byte) number});
            }
            connection.commit();
            try (LargeObject object = objects.open(oid, LargeObjectManager.READ)) {
                same(content.length + 1, object.size());
                same(true, Arrays.equals(content, object.read(content.length)));
                same((byte) number, object.read(10)[0]);
                object.seek(500);
                same(content[500], object.read(1)[0]);
            }
            objects.unlink(oid);
            connection.commit();
            fails("42704", () -> objects.open(oid, LargeObjectManager.READ));
            connection.rollback();
            same("1", value(connection, "select 1"));
            connection.commit();
        });
    }

    static void copy() throws Exception {
        newTable("j_copy", "x int, y text");
        StringBuilder lines = new StringBuilder();
        for (int x = 0; x < 20_000; x++) lines.append(x).append("\trow ").append(x).append('\n');
        try (Connection connection = connect()) {
            CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
            same(20_000L, copies.copyIn("copy j_copy from stdin", new StringReader(lines.toString())));
            StringWriter out = new StringWriter();
            copies.copyOut("copy (select * from j_copy order by x) to stdout", out);
            same(lines.toString(), out.toString());
            fails("22P02", () -> copies.copyIn("copy j_copy from stdin", new StringReader("none\tx\n")));
            same("20000", value(connection, "select count(*) from j_copy"));
        }
    }
}
