class CreatePlans < ActiveRecord::Migration[6.1]
  def up
    create_table :plans do |t|
      t.string :name, null: false
      t.integer :seats, null: false
    end
    execute "INSERT INTO plans (name, seats) VALUES ('free', 3), ('team', 25)"
  end

  def down
    drop_table :plans
  end
end
