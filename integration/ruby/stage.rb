# frozen_string_literal: true

# What the tests of ActiveRecord share: the connection through TLS and SCRAM, two tables, everyone at once. PREPARED says
# whether statements are prepared; PGHOST and the rest, and CA, are set by tests/test_ruby.py.

require "logger"
require "active_record"
require "minitest/autorun"

CLIENTS = 24
PLACE = {
  adapter: "postgresql",
  host: ENV.fetch("PGHOST"),
  port: ENV.fetch("PGPORT"),
  database: ENV.fetch("PGDATABASE"),
  username: ENV.fetch("PGUSER"),
  password: ENV.fetch("PGPASSWORD"),
  sslmode: "verify-full",
  sslrootcert: ENV.fetch("CA"),
  pool: CLIENTS,
  prepared_statements: ENV.fetch("PREPARED", "true") == "true",
  statement_limit: 20,
  advisory_locks: false,
}.freeze

class Author < ActiveRecord::Base
  self.table_name = "ar_authors"
  has_many :books, dependent: :destroy
end

class Book < ActiveRecord::Base
  self.table_name = "ar_books"
  belongs_to :author
end

# A test with the pool as it is in an app, and with new tables.
class Story < Minitest::Test
  def setup
    ActiveRecord::Base.establish_connection(PLACE)
    ActiveRecord::Schema.verbose = false
    ActiveRecord::Schema.define { Story.tables(self) }
    [Author, Book].each(&:reset_column_information)
  end

  def teardown
    ActiveRecord::Base.connection_handler.clear_all_connections!
  end

  def self.tables(schema)
    schema.create_table(:ar_authors, force: :cascade) do |table|
      table.string :name, null: false, index: { unique: true }
      table.integer :score, default: 0
    end
    schema.create_table(:ar_books, force: :cascade) do |table|
      table.references :author, foreign_key: { to_table: :ar_authors }
      table.string :title
      table.string :tags, array: true, default: []
      table.jsonb :facts, default: {}
      table.binary :content
      table.timestamps
    end
  end

  def connection
    ActiveRecord::Base.connection
  end

  def value(sql)
    connection.select_value(sql)
  end

  def pid
    Author.uncached { value("select pg_backend_pid()") }
  end

  # Another connection to pgweir, one that Rails knows nothing of.
  def past_rails
    words = { dbname: PLACE[:database], user: PLACE[:username] }
    PG.connect(PLACE.slice(:host, :port, :password, :sslmode, :sslrootcert).merge(words))
  end

  # Each in a thread of its own with a connection of its own; they begin when all are connected.
  def at_once(count = CLIENTS)
    waiting = Queue.new
    start = Queue.new
    crowd = Array.new(count) do |number|
      Thread.new do
        Thread.current.report_on_exception = false
        ActiveRecord::Base.connection_pool.with_connection do
          waiting << value("select 1")
          start.pop
          yield number
        end
      end
    end
    ActiveRecord::Base.clear_active_connections!
    count.times { waiting.pop(false) }
    count.times { start << true }
    crowd.each(&:join)
  end
end
