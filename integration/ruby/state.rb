# frozen_string_literal: true

# What sessions remember beyond transactions, as Rails makes use of it: settings of the database entry, locks of migrations,
# temporary tables; twenty-four threads over two servers. Run by tests/test_state_programs.py.

require_relative "stage"

class StateTest < Story
  # What Rails sets itself whenever it connects.
  def test_what_rails_sets
    other = past_rails
    at_once do
      5.times do
        assert_equal "warning", value("show client_min_messages")
        assert_equal "on", value("show standard_conforming_strings")
        assert_equal "UTC", value("show timezone")
        assert_equal "iso_8601", value("show intervalstyle")
      end
    end
    assert_equal %w[notice postgres], other.exec("select current_setting('client_min_messages'), current_setting('intervalstyle')").values[0]
  ensure
    other&.close
  end

  # `variables` and `schema_search_path` of database.yml.
  def test_what_the_app_sets
    variables = { statement_timeout: 4321, lock_timeout: "1234ms", work_mem: "4321kB" }
    ActiveRecord::Base.establish_connection(PLACE.merge(variables: variables, schema_search_path: "elsewhere, public"))
    other = past_rails
    at_once do
      5.times do
        assert_equal %w[4321ms 1234ms 4321kB], variables.keys.map { |name| value("show #{name}") }
        assert_equal "elsewhere, public", value("show search_path")
      end
    end
    assert_equal "0", other.exec("show statement_timeout").getvalue(0, 0)
  ensure
    other&.close
  end

  def test_silence_for_a_while
    at_once do
      connection.client_min_messages = "error"
      3.times { assert_equal "error", value("show client_min_messages") }
      connection.client_min_messages = "warning"
      3.times { assert_equal "warning", value("show client_min_messages") }
    end
  end

  class Nothing < ActiveRecord::Migration[6.1]
    def change; end
  end

  # Every process of a deployment migrates at once: the lock lets one do it, the others see ConcurrentMigrationError.
  def test_migrations_lock_each_other_out
    ActiveRecord::Base.establish_connection(PLACE.merge(advisory_locks: true))
    ActiveRecord::Migration.verbose = false
    ActiveRecord::SchemaMigration.create_table
    ActiveRecord::InternalMetadata.create_table
    assert connection.get_advisory_lock(4716)
    assert_equal 1, value("select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()")
    assert connection.release_advisory_lock(4716)
    other = past_rails
    ActiveRecord::SchemaMigration.delete_all
    ActiveRecord::Migrator.new(:up, [Nothing.new("Nothing", 1)], ActiveRecord::SchemaMigration).migrate
    assert_equal "0", other.exec("select count(*) from pg_locks where locktype = 'advisory'").getvalue(0, 0)
    assert_equal ["1"], ActiveRecord::SchemaMigration.all_versions
  ensure
    other&.close
  end

  def test_one_lock_for_all
    # Who waits for a lock that will not come says so.
    ActiveRecord::Base.establish_connection(PLACE.merge(options: "-c lock_timeout=20s"))
    holders = Queue.new
    at_once do |number|
      value("select pg_advisory_lock(4717)")
      holders << number
      3.times { assert_equal 1, value("select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()") }
      assert_equal [number], [holders.pop]
      assert_empty holders
      assert_equal true, value("select pg_advisory_unlock(4717)")
    end
  end

  def test_temporary_tables
    at_once do |number|
      connection.create_table(:ar_scratch, temporary: true) { |table| table.integer :x }
      connection.execute("insert into ar_scratch (x) select * from generate_series(0, #{number})")
      3.times { assert_equal number + 1, value("select count(*) from ar_scratch") }
      connection.execute("discard temp")
    end
  end

  # DISCARD ALL, and everything set anew.
  def test_reset
    at_once do |number|
      connection.execute("set my.tenant = '#{number}'")
      3.times { assert_equal number.to_s, value("show my.tenant") }
      connection.reset!
      assert_equal "", value("select coalesce(current_setting('my.tenant', true), '')")
      assert_equal "warning", value("show client_min_messages")
    end
  end
end
