defmodule MyApp.Repo.Migrations.CreatePlans do
  use Ecto.Migration

  def change do
    create table(:plans) do
      add :name, :text, null: false
      add :seats, :integer, null: false
    end

    execute "INSERT INTO #{prefix()}.plans (name, seats) VALUES ('free', 3), ('team', 25)"
  end
end
