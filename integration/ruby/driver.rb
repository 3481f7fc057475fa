# frozen_string_literal: true

# ActiveRecord through TLS and SCRAM: twenty-four threads over two servers. Run by tests/test_ruby.py, with statements
# prepared (each connection's names are a1, a2, …) and without.

require_relative "stage"

class DriverTest < Story
  def test_tls
    assert_equal true, value("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
  end

  def test_everyone_at_once
    at_once do |number|
      10.times do |turn|
        Author.transaction do
          first = pid
          author = Author.create!(name: "#{number}/#{turn}")
          author.books.create!(title: "t#{turn}", tags: ["a", number.to_s], facts: { by: number })
          assert_equal first, pid
        end
        assert_equal turn + 1, Book.where("(facts ->> 'by')::int = ?", number).count
        assert_equal number.to_s, Author.find_by!(name: "#{number}/#{turn}").books.first.tags.last
      end
    end
    assert_equal CLIENTS * 10, Book.count
  end

  def test_transactions_with_savepoints
    at_once do |number|
      Author.transaction do
        Author.create!(name: "kept #{number}")
        Author.transaction(requires_new: true) do
          Author.create!(name: "lost #{number}")
          raise ActiveRecord::Rollback
        end
        assert_raises(ActiveRecord::RecordNotUnique) do
          Author.transaction(requires_new: true) { Author.create!(name: "kept #{number}") }
        end
        Author.transaction(requires_new: true) { Author.create!(name: "too #{number}") }
      end
      assert_raises(RuntimeError) do
        Author.transaction { Author.create!(name: "lost #{number}") && raise("on purpose") }
      end
    end
    assert_equal CLIENTS * 2, Author.where("name not like 'lost%'").count
    assert_equal CLIENTS * 2, Author.count
  end

  def test_isolation_levels
    at_once do |number|
      5.times do
        level = number.odd? ? :serializable : nil
        Author.transaction(isolation: level) do
          assert_equal number.odd? ? "serializable" : "read committed", value("show transaction_isolation")
        end
      end
    end
  end

  def test_rows_in_batches
    Author.insert_all((1..1000).map { |n| { name: format("author %04d", n), score: n } })
    Author.upsert_all([{ name: "author 0001", score: 5 }, { name: "new", score: 6 }], unique_by: :name)
    assert_equal 1001, Author.count
    sums = Queue.new
    at_once do
      sums << Author.where("score > 0").find_each(batch_size: 150).sum(&:score)
      sums << Author.in_batches(of: 300).sum { |part| part.sum(:score) }
    end
    expected = (1..1000).sum - 1 + 5 + 6
    assert_equal [expected], Array.new(2 * CLIENTS) { sums.pop }.uniq
    assert_equal 499, Author.where(score: 501..999).in_batches(of: 100).update_all("score = score + 1")
    assert_equal 98, Author.where("score <= 100 and score > 6").or(Author.where(score: [5, 6])).limit(100).delete_all
  end

  def test_relations_and_types
    ada = Author.create!(name: "Ada", books: [Book.new(title: "1", content: "\x00\xff".b), Book.new(title: "2")])
    assert_equal "\x00\xff".b, Author.includes(:books).find(ada.id).books.min_by(&:title).content
    assert_equal ["2"], Book.joins(:author).where(ar_authors: { name: "Ada" }).where.not(title: "1").pluck(:title)
    assert_equal({ "1" => 1, "2" => 1 }, Book.group(:title).count)
    assert_match(/Scan on ar_books/, Book.where(title: "1").explain.to_s)
    ada.with_lock { ada.update!(score: 9) }
    ada.destroy!
    assert_equal 0, Book.count
  end

  # Beyond `statement_limit` ActiveRecord sends DEALLOCATE, as SQL.
  def test_more_statements_than_it_keeps
    at_once(20) do |number|
      2.times do
        50.times do |turn|
          columns = (0..turn % 25).map { |n| "#{n + number} as c#{n}" }.join(", ")
          assert_equal turn % 25 + number, Author.select(columns).from("(select 1) x").where("1 = ?", 1).limit(1).to_a[0]["c#{turn % 25}"]
          assert_nil Author.find_by(score: turn, name: "nobody")
        end
      end
    end
  end

  def test_a_table_that_changes
    Author.create!(name: "Ada", score: 7)
    3.times { assert_equal ["Ada"], Author.where(score: 7).to_a.map(&:name) }
    other = past_rails
    3.times do |number|
      other.exec("alter table ar_authors add column c#{number} int default #{number}")
      assert_equal ["Ada"], Author.where(score: 7).to_a.map(&:name)
      other.exec("alter table ar_authors add column d#{number} int default #{number}")
      failures = 0
      begin
        Author.transaction { assert_equal ["Ada"], Author.where(score: 7).to_a.map(&:name) }
      rescue ActiveRecord::PreparedStatementCacheExpired
        # Postgres fails the transaction, and Rails leaves it to the app to do it again.
        retry if (failures += 1) <= 2
        raise
      end
    end
  ensure
    other&.close
  end

  def test_errors
    at_once do |number|
      assert_match(/PG::UndefinedTable/, assert_raises(ActiveRecord::StatementInvalid) { value("select * from nowhere") }.message)
      assert_raises(ActiveRecord::RangeError) { value("select 100000::int2") }
      assert_raises(ActiveRecord::NotNullViolation) { Author.create!(name: nil) }
      assert_equal number, value("select #{number}")
    end
  end

  def test_servers_that_die
    3.times do
      connection.verify!
      assert_equal 1, value("select 1")
      pids = connection.select_values("select pid from pg_stat_activity where usename = 'app' and pid <> pg_backend_pid()")
      pids.each { |other| value("select pg_terminate_backend(#{other}, 10000)") }
    end
    at_once { |number| assert_equal number, value("select #{number}") }
  end

  def test_copy
    raw = connection.raw_connection
    raw.copy_data("copy ar_authors (name, score) from stdin") { 5000.times { |n| raw.put_copy_data("copied #{n}\t#{n}\n") } }
    lines = 0
    raw.copy_data("copy (select * from ar_authors) to stdout") { lines += 1 while raw.get_copy_data }
    assert_equal 5000, lines
  end

  def test_a_cancel
    raw = connection.raw_connection
    raw.send_query("select pg_sleep(30) as ruby")
    other = past_rails
    running = "select from pg_stat_activity where wait_event = 'PgSleep' and query = 'select pg_sleep(30) as ruby'"
    nil until other.exec(running).ntuples == 1
    assert_nil raw.cancel
    assert_raises(PG::QueryCanceled) { raw.get_last_result }
    assert_equal 1, value("select 1")
  ensure
    other&.close
  end

  class Shelves < ActiveRecord::Migration[6.1]
    def change
      create_table(:ar_shelves) { |table| table.string :name, index: true }
      add_column :ar_books, :shelf_id, :bigint
      add_foreign_key :ar_books, :ar_shelves, column: :shelf_id
    end
  end

  class Index < ActiveRecord::Migration[6.1]
    disable_ddl_transaction!
    def change
      add_index :ar_books, :shelf_id, algorithm: :concurrently
    end
  end

  def test_migrations
    connection.execute("drop table if exists ar_shelves, schema_migrations, ar_internal_metadata cascade")
    ActiveRecord::Migration.verbose = false
    ActiveRecord::SchemaMigration.create_table
    ActiveRecord::InternalMetadata.create_table
    steps = [Shelves.new("Shelves", 1), Index.new("Index", 2)]
    ActiveRecord::Migrator.new(:up, steps, ActiveRecord::SchemaMigration).migrate
    assert_equal %w[1 2], ActiveRecord::SchemaMigration.all_versions
    assert connection.index_exists?(:ar_books, :shelf_id)
    ActiveRecord::Migrator.new(:down, steps, ActiveRecord::SchemaMigration, 0).migrate
    refute connection.table_exists?(:ar_shelves)
  end
end
